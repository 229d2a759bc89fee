"""One event, one execution, one payload: for all who get the same, and for nobody else."""

from contextlib import AsyncExitStack

import pytest

from tests.api.broadcasts.stage import FOLLOW, PERSONAL, SELECTED, RoomFeed, Stage, executed, note, user, whisper

MANY = 12


async def test_an_event_is_executed_once_for_all(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        voices = [await stack.enter_async_context(stage.voice(f"v{number}")) for number in range(MANY)]
        for voice in voices:
            await voice.follow()
        await stage.live(MANY)
        for key in "abc":
            await note(key)
        results = [[await voice.result() for _ in "abc"] for voice in voices]
        assert [result["key"] for result in results[0]] == ["a", "b", "c"]
        assert all(one == results[0] for one in results)
        assert executed == {"a": 1, "b": 1, "c": 1}


async def test_cursors_and_ids_keep_nobody_apart_but_variables_of_the_selection_do(
    stage: Stage,
) -> None:
    async with stage.voice("a") as first, stage.voice("b") as second:
        await first.follow(SELECTED, "x", twice=True)
        await stage.live(1)
        await note("one")
        cursor = (await first.result())["cursor"]
        await first.follow(SELECTED, 'y"\u2028🎓', twice=True, after=cursor)
        await second.follow(SELECTED, "1", twice=True, after=cursor)
        await second.follow(SELECTED, "2", twice=False, after=cursor)
        await stage.live(4)
        assert sorted(len(one._live) for one in stage.broadcasts) == [1, 3]
        await note("two")
        heard = [await first.hear(), await first.hear(), await second.hear(), await second.hear()]
        notes = {message["id"]: message["payload"]["data"]["notes"] for message in heard}
        assert notes.keys() == {"x", 'y"\u2028🎓', "1", "2"}
        assert notes["x"] == notes["1"] == notes['y"\u2028🎓']
        assert ("again" in notes["1"], "again" in notes["2"]) == (True, False)
        assert executed["two"] == 3  # `key` and `again`, and `key`


async def test_organizations_share_nothing(stage: Stage) -> None:
    async with stage.voice("ada") as here, stage.voice("ada@there") as elsewhere, stage.voice(None) as nobody:
        for voice in (here, elsewhere, nobody):
            await voice.follow()
        await stage.live(3)
        assert len(stage.broadcasts) == 3
        await note("a")
        assert [await voice.keys(1) for voice in (here, elsewhere, nobody)] == [["a"]] * 3
        assert executed["a"] == 3


async def test_a_selection_that_reads_who_asks_is_shared_with_nobody_else(stage: Stage) -> None:
    async with stage.voice("ada") as ada, stage.voice("ada") as again, stage.voice("grace") as grace:
        for voice in (ada, again, grace):
            await voice.follow(PERSONAL)
        await stage.live(3)
        await note("a")
        assert [(await voice.result())["reader"] for voice in (ada, again, grace)] == [
            str(user("ada")),
            str(user("ada")),
            str(user("grace")),
        ]
        assert executed["a"] == 2


async def test_the_last_who_leaves_ends_it(stage: Stage) -> None:
    async with stage.voice() as voice:
        async with stage.voice() as other:
            await other.follow()
            await voice.follow()
            await stage.live(2)
        await stage.live(1)
        await voice.say("complete", id="1")
        await voice.say("ping")
        assert (await voice.hear())["type"] == "pong"
        assert stage.broadcasts == []
        await voice.follow()
        await stage.live(1)
        await note("again")
        assert await voice.keys(1) == ["again"]


async def test_who_is_taken_out_hears_it_and_nothing_after(stage: Stage) -> None:
    async with stage.voice("ada") as ada, stage.voice("grace") as grace, stage.voice("edsger") as late:
        await ada.follow()
        await grace.follow()
        await stage.live(2)
        RoomFeed.out.add(user("grace"))
        for key in ("before", "out:grace", "after"):
            await note(key)
        assert await grace.keys(2) == ["before", "out:grace"]
        assert await grace.hear() == {"id": "1", "type": "complete"}
        assert await ada.keys(3) == ["before", "out:grace", "after"]
        RoomFeed.out.add(user("edsger"))
        await late.follow()
        refusal, last = await late.hear(), await late.hear()
        assert refusal["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert last["type"] == "complete"


async def test_who_was_let_in_again_by_then_misses_nothing(stage: Stage) -> None:
    async with stage.voice("grace") as grace:
        await grace.follow()
        await stage.live(1)
        for key in ("out:grace", "a", "out:grace.2", "b"):
            await note(key)
        assert await grace.keys(4) == ["out:grace", "a", "out:grace.2", "b"]


async def test_what_passes_beside_the_log_is_not_told_to_whose_doing_it_is(stage: Stage) -> None:
    query = FOLLOW.replace("cursor", "cursor ... on Whispered { text }")
    async with stage.voice("ada") as ada, stage.voice("grace") as grace:
        await ada.follow(query)
        await grace.follow(query)
        await stage.live(2)
        whisper("psst", by="ada")
        assert (await grace.result())["text"] == "psst"
        await note("a")
        assert (await ada.result())["key"] == "a"
        assert len(RoomFeed.whispers) == 1


@pytest.mark.parametrize("cursor", ["nonsense", "a" * 22])
async def test_a_cursor_that_is_none_is_refused(stage: Stage, cursor: str) -> None:
    async with stage.voice() as voice:
        await voice.follow(after=cursor)
        refusal, last = await voice.hear(), await voice.hear()
        assert refusal["payload"]["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
        assert last == {"id": "1", "type": "complete"}
