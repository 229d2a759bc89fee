"""What processes share in Valkey: never older than what the one that gives it has heard, and not needed."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
from bson import ObjectId
from redis import Redis

from app.core.answers import Answer, pool
from app.core.answers.pool import Pool
from app.core.changes import telling
from app.dev.embedded import EmbeddedValkey
from tests.core.answers.processes import ADA, LampSwitched, Process, policy, process

GENEROUS = 5.0
"""Seconds: a request that waits for Valkey as long as it may is done well before."""


async def stored(process: Process) -> None:
    """Wait until nothing of what the process sends to Valkey is on its way."""
    while process.answers._pool._writing:
        await asyncio.sleep(0.001)


async def test_one_computes_for_all(valkey: EmbeddedValkey, first: Process, second: Process) -> None:
    asked = policy()
    await first.ask(asked)
    await stored(first)
    assert [await second.ask(asked) for _ in range(2)] == ["an answer"] * 2
    assert (second.computed, second.count("shared_hits"), second.count("hits")) == (0, 1, 1)


async def test_no_process_gives_what_is_older_than_what_it_has_heard(
    valkey: EmbeddedValkey, first: Process, second: Process
) -> None:
    asked, change = policy(), LampSwitched(ADA)
    second.value = lambda: "before"
    await second.ask(asked)
    await stored(second)
    first.hear(change)
    first.value = lambda: "after"
    assert await first.ask(asked) == "after"
    assert (first.computed, first.count("stale")) == (1, 1)
    await stored(first)
    assert await second.ask(asked) == "before", "it has not heard yet"
    second.hear(change)
    assert await second.ask(asked) == "after"
    assert (second.computed, second.count("shared_hits")) == (1, 1)


async def test_what_is_written_late_by_one_that_is_behind_is_not_given(
    valkey: EmbeddedValkey, first: Process, second: Process
) -> None:
    asked, change = policy(), LampSwitched(ADA)
    first.hear(change)
    await first.ask(asked)
    await stored(first)
    key = asked.key(b"release", ADA, {})
    assert key
    late = Answer(b"before", made=time.time(), ttl=60, position=second.hub.position)
    second.answers._pool.put(key, late, time.time())
    await stored(second)
    first.answers._memory.clear()
    assert await first.ask(asked) == "an answer"


async def test_a_process_that_has_just_started_gives_nothing_from_before(
    valkey: EmbeddedValkey, first: Process
) -> None:
    asked = policy()
    await first.ask(asked)
    await stored(first)
    late = process()
    late.hub.position = first.hub.position + 1
    late.answers.watch(late.hub)
    assert await late.ask(asked) == "an answer"
    assert (late.computed, late.count("stale")) == (1, 1)
    await late.answers.close()


async def test_who_has_written_is_not_given_what_others_kept_until_it_is_heard(
    valkey: EmbeddedValkey, first: Process, second: Process
) -> None:
    asked, change = policy(), LampSwitched(ADA)
    second.value = lambda: "before"
    await second.ask(asked)
    await stored(second)
    telling.note([change])  # both are in this process, and both forget
    first.value = lambda: "after"
    assert await first.ask(asked) == "after"
    assert first.count("stale") == 1


async def test_an_event_that_was_heard_before_its_writer_knew_does_not_close_the_way(
    valkey: EmbeddedValkey, first: Process, second: Process
) -> None:
    asked, change = policy(), LampSwitched(ADA)
    for one in (first, second):
        one.hear(change)
    telling.note([change])
    await first.ask(asked)
    await stored(first)
    await second.ask(asked)
    assert (second.computed, second.count("shared_hits")) == (0, 1)


async def test_another_release_and_another_epoch_are_strangers(valkey: EmbeddedValkey, first: Process) -> None:
    asked = policy()
    await first.ask(asked)
    await stored(first)
    newer, restored = process(release=b"newer"), process()
    restored.hub.epoch += 1
    for one in (newer, restored):
        await one.ask(asked)
        assert one.computed == 1
        await one.answers.close()


async def test_what_lies_there_is_sealed_and_ends(valkey: EmbeddedValkey, first: Process, second: Process) -> None:
    asked = policy()
    await first.ask(asked)
    await stored(first)
    key = asked.key(b"release", ADA, {})
    assert key
    with Redis.from_url(valkey.url) as redis:
        there = redis.get(b"answer:" + key)
        assert isinstance(there, bytes)
        assert b"an answer" not in there
        assert 50_000 < redis.pttl(b"answer:" + key) <= 60_000
        other = policy()
        redis.set(b"answer:" + (other.key(b"release", ADA, {}) or b""), there)
        forged = policy()
        redis.set(b"answer:" + (forged.key(b"release", ADA, {}) or b""), b"an answer that nobody computed")
    for asked in (other, forged):
        second.computed = 0
        await second.ask(asked)
        assert second.computed == 1


async def test_what_one_process_may_have_there_is_bounded(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, now = Pool(1_000), time.time()
    keys = [ObjectId().binary + bytes(8) for _ in range(3)]
    for key in keys:
        small.put(key, Answer(b"x" * 400, made=now, ttl=60), now)
    assert small.bytes == 800
    small.put(keys[2], Answer(b"x" * 400, made=now + 61, ttl=60), now + 61)
    assert small.bytes == 400, "what has ended makes room"
    monkeypatch.setattr(pool, "MAX_BYTES", 10)
    small.put(keys[2], Answer(b"x" * 11, made=now + 61, ttl=60), now + 61)
    assert small.bytes == 400, "too large a one is not shared"


async def test_of_all_processes_one_computes_anew_what_is_asked_for_often(
    valkey: EmbeddedValkey, first: Process, second: Process
) -> None:
    asked, change = policy(), LampSwitched(ADA)
    for one in (first, second):
        for _ in range(10):
            await one.ask(asked)
    assert first.computed + second.computed == 1
    for one in (first, second):
        one.hear(change)
    async with asyncio.timeout(10):
        while first.answers._warming or second.answers._warming:
            await asyncio.sleep(0.005)
    assert first.count("warmed") + second.count("warmed") == 1
    await asyncio.gather(stored(first), stored(second))
    for one in (first, second):
        await one.ask(asked)
    assert first.computed + second.computed == 2


def kill(valkey: EmbeddedValkey) -> Callable[[], object]:
    valkey.process.kill()
    return valkey.start


def freeze(valkey: EmbeddedValkey) -> Callable[[], object]:
    pid = valkey.process.pid or 0
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("away", [kill, freeze])
async def test_without_valkey_each_process_has_its_own(
    valkey: EmbeddedValkey, first: Process, second: Process, away: Callable[[EmbeddedValkey], Callable[[], object]]
) -> None:
    await first.ask(policy())
    come_back = away(valkey)
    try:
        slowest = 0.0
        for _ in range(20):
            asked = policy()
            for one in (first, second):
                before, begun = one.computed, time.monotonic()
                assert [await one.ask(asked) for _ in range(3)] == ["an answer"] * 3
                slowest = max(slowest, time.monotonic() - begun)
                assert one.computed == before + 1
        first.hear(LampSwitched(ADA))
        assert first.count("entries") == 0
        assert slowest < GENEROUS
    finally:
        await asyncio.to_thread(come_back)

    async def shares() -> bool:
        fresh = policy()
        await first.ask(fresh)
        await stored(first)
        before = second.computed
        await second.ask(fresh)
        return second.computed == before

    second.hear(LampSwitched(ADA))
    async with asyncio.timeout(10):
        while not await shares():
            await asyncio.sleep(0.05)
