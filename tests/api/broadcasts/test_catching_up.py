"""Who joins, or reads too slowly, goes on from the log: everything once and in order, and nobody waits for them."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.api import broadcasts
from app.api.broadcasts import Broadcast, Subscriber
from app.api.frames import Next
from app.core import changes
from app.core.changes import log
from app.core.errors import ResyncRequired
from tests.api.broadcasts.stage import RoomFeed, Stage, Voice, executed, note

PADDED = "subscription { notes { ... on NoteHeard { key padding(size: 20000) } } }"


async def test_after_a_cursor_everything_once_and_then_live(stage: Stage) -> None:
    async with stage.voice("a") as early, stage.voice("b") as late:
        await early.follow()
        await stage.live(1)
        for number in range(10):
            await note(f"{number}")
        cursors = [(await early.result())["cursor"] for _ in range(10)]
        for id, start in (("3", 3), ("9", 9)):
            await late.follow(id=id, after=cursors[start])
        await stage.live(3)
        await note("live")
        heard: dict[str, list[str]] = {"3": [], "9": []}
        for _ in range(6 + 2):
            message = await late.hear()
            heard[message["id"]].append(message["payload"]["data"]["notes"]["key"])
        assert heard == {"3": ["4", "5", "6", "7", "8", "9", "live"], "9": ["live"]}
        assert executed["live"] == 1


async def test_who_joins_while_notes_are_made_misses_none(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(stage.voice())
        await first.follow()
        await stage.live(1)
        await note("0")
        cursor = (await first.result())["cursor"]
        making = asyncio.create_task(_make(range(1, 60)))
        voices: list[Voice] = []
        for number in range(10):
            voice = await stack.enter_async_context(stage.voice(f"v{number}"))
            await voice.follow(after=cursor)
            voices.append(voice)
            await asyncio.sleep(0.02)
        await making
        expected = [str(number) for number in range(1, 60)]
        for voice in (first, *voices):
            assert await voice.keys(59) == expected


async def test_who_does_not_read_keeps_nobody_waiting_and_then_hears_the_rest_in_order(stage: Stage) -> None:
    total = 400
    async with stage.voice("slow", receive_buffer=4096) as slow, stage.voice("fast") as fast:
        await slow.follow(PADDED)
        await fast.follow(PADDED)
        await stage.live(2)
        listening = asyncio.create_task(fast.keys(total))
        [running] = stage.broadcasts
        for start in range(0, total, 20):
            await asyncio.gather(*(note(f"{number}") for number in range(start, start + 20)))
        expected = await listening
        assert len(set(expected)) == total
        assert len(running._live) == 1, "the slow one is not left out"
        assert await slow.keys(total) == expected
        await stage.live(2)
        await note("both")
        assert [await voice.keys(1) for voice in (slow, fast)] == [["both"], ["both"]]


async def test_who_leaves_in_the_middle_of_a_burst_gets_nothing_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "SLICE", 1)
    async with AsyncExitStack() as stack:
        voices = [await stack.enter_async_context(stage.voice(f"v{number}")) for number in range(6)]
        for voice in voices:
            await voice.follow()
        await stage.live(6)
        [running] = stage.broadcasts
        first, *_, last = running._live
        offer = type(first).offer

        def leaving(self: Subscriber, message: Next) -> bool:
            last.cancel()
            return offer(self, message)

        monkeypatch.setattr(type(first), "offer", leaving)
        await note("a")
        await note("b")
        assert [await voice.keys(2) for voice in voices[:-1]] == [["a", "b"]] * 5
        await voices[-1].say("ping")
        assert (await voices[-1].hear())["type"] == "pong"


async def test_a_log_that_was_begun_anew_is_told_to_all(stage: Stage) -> None:
    async with stage.voice("a") as first, stage.voice("b") as second:
        await first.follow()
        await second.follow()
        await stage.live(2)
        for subscription in changes.hub()._all():
            subscription.break_off()
        for voice in (first, second):
            refusal, last = await voice.hear(), await voice.hear()
            assert refusal["payload"]["errors"][0]["extensions"]["code"] == ResyncRequired.code
            assert last["type"] == "complete"
        assert stage.broadcasts == []


async def test_between_two_slices_everything_else_has_its_turn(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "SLICE", 2)
    async with AsyncExitStack() as stack:
        for number in range(10):
            await (await stack.enter_async_context(stage.voice(f"v{number}"))).follow()
        await stage.live(10)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        [running] = stage.broadcasts
        task = asyncio.create_task(others())
        await asyncio.sleep(0)
        before = turns
        await Broadcast._tell(running, object(), None)
        task.cancel()
        assert turns - before >= 5


async def _make(numbers: range) -> None:
    for number in numbers:
        await note(f"{number}")


@pytest.mark.parametrize("point", ["admit", "state", "read"])
async def test_r33_a_note_at_every_await_of_joining_comes_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    told: list[str] = []
    async with stage.voice("a") as early, stage.voice("b") as late:
        await early.follow()
        await stage.live(1)
        await note("known")
        cursor = (await early.result())["cursor"]

        async def happens() -> None:
            """Something that those who are live have heard before the joining goes on."""
            if "Broadcast._catch_up" in repr(asyncio.current_task()):
                await note(f"{point} {len(told)}")
                told.extend(await early.keys(1))

        place: Any = RoomFeed if point == "admit" else log
        call = getattr(place, point)

        async def stopped(*arguments: Any) -> Any:
            await happens()
            answer = await call(*arguments)
            await happens()
            return answer

        await note("missed")
        told += await early.keys(1)
        monkeypatch.setattr(place, point, stopped)
        await late.follow(after=cursor)
        await stage.live(2)
        await note("live")
        told += await early.keys(1)
        assert len(told) >= 4
        assert await late.keys(len(told)) == told


async def test_a_crowd_that_comes_back_is_executed_for_once(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(stage.voice())
        await first.follow()
        await stage.live(1)
        await note("known")
        cursor = (await first.result())["cursor"]
        for key in "abc":
            await note(key)
        await first.keys(3)
        voices = [await stack.enter_async_context(stage.voice(f"v{number}")) for number in range(10)]
        for voice in voices:
            await voice.follow(after=cursor)
        assert [await voice.keys(3) for voice in voices] == [["a", "b", "c"]] * 10
        assert executed == {"known": 1, "a": 1, "b": 1, "c": 1}
        await stage.live(11)
