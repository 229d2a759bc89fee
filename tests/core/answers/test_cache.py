"""One process's cache: what it gives to whom, what makes it forget, and that everything is computed once at a time."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from bson import ObjectId

from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.answers import Scope, cache
from app.core.changes import Event, telling
from app.core.errors import Forbidden
from tests.core.answers.processes import ADA, TTL, BulbInvented, Irrelevant, LampSwitched, Process, policy, process

ELSEWHERE = Actor(ObjectId(), ADA.user_id, permissions=ADA.permissions)


PATIENCE = 10.0
"""Seconds within which what must happen has to have happened."""


def numbered() -> Callable[[], str]:
    """A value that is another one each time."""
    numbers = itertools.count(1)
    return lambda: f"number {next(numbers)}"


async def test_what_was_answered_is_answered_again(first: Process) -> None:
    asked = policy()
    assert [await first.ask(asked) for _ in range(3)] == ["an answer"] * 3
    assert (first.computed, first.count("hits"), first.count("misses"), first.count("entries")) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("event", "computed"),
    [
        (LampSwitched(ADA), 2),
        (LampSwitched(Actor.platform(ADA.organization_id)), 2),
        (BulbInvented(ELSEWHERE), 2),
        (BulbInvented(Actor.platform()), 2),
        (LampSwitched(ELSEWHERE), 1),
        (Irrelevant(ADA), 1),
    ],
)
async def test_what_makes_it_old_is_heard(first: Process, event: Event, computed: int) -> None:
    asked = policy()
    await first.ask(asked)
    first.hear(event)
    await first.ask(asked)
    assert first.computed == computed


async def test_it_is_forgotten_as_soon_as_this_process_has_written(first: Process) -> None:
    asked = policy()
    await first.ask(asked)
    telling.note([Irrelevant(ADA)])
    await first.ask(asked)
    assert first.computed == 1
    telling.note([LampSwitched(ADA)])
    await first.ask(asked)
    assert first.computed == 2


async def test_it_is_forgotten_in_time(first: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.time()
    monkeypatch.setattr(clock, "source", lambda: begun)
    asked = policy()
    await first.ask(asked)
    monkeypatch.setattr(clock, "source", lambda: begun + TTL - 0.1)
    await first.ask(asked)
    assert first.computed == 1
    monkeypatch.setattr(clock, "source", lambda: begun + TTL)
    await first.ask(asked)
    assert first.computed == 2


async def test_everybody_waits_for_one_computation(first: Process) -> None:
    asked, first.delay = policy(), 0.05
    assert await asyncio.gather(*(first.ask(asked) for _ in range(50))) == ["an answer"] * 50
    assert (first.computed, first.count("joined")) == (1, 49)


async def test_who_leaves_takes_nothing_from_the_others(first: Process) -> None:
    asked, first.delay = policy(), 0.05
    askers = [asyncio.create_task(first.ask(asked)) for _ in range(3)]
    await begun(first, 1)
    askers[0].cancel()
    assert await asyncio.gather(*askers[1:]) == ["an answer"] * 2
    assert askers[0].cancelled()
    assert first.computed == 1


async def test_when_all_have_left_nothing_goes_on(first: Process) -> None:
    ended = asyncio.Event()
    asked = policy()

    def value() -> str:
        task = asyncio.current_task()
        assert task
        task.add_done_callback(lambda task: ended.set() if task.cancelled() else None)
        return "an answer"

    first.delay, first.value = 30, value
    askers = [asyncio.create_task(first.ask(asked)) for _ in range(2)]
    await begun(first, 1)
    for asker in askers:
        asker.cancel()
    async with asyncio.timeout(PATIENCE):
        await ended.wait()
    first.delay = 0
    assert await first.ask(asked) == "an answer"
    assert first.computed == 2


async def test_a_change_while_it_is_computed_makes_it_old(first: Process) -> None:
    asked, first.delay, first.value = policy(), 0.05, numbered()
    before = asyncio.create_task(first.ask(asked))
    await begun(first, 1)
    first.hear(LampSwitched(ADA))
    after = asyncio.create_task(first.ask(asked))
    assert list(await asyncio.gather(before, after)) == ["number 1", "number 2"]
    assert await first.ask(asked) == "number 2"
    assert first.computed == 2


async def test_an_answer_with_errors_is_told_to_those_who_wait_and_not_kept(first: Process) -> None:
    asked, first.delay, first.errors = policy(), 0.02, ("INTERNAL",)
    await asyncio.gather(*(first.ask(asked) for _ in range(5)))
    assert (first.computed, first.count("entries")) == (1, 0)
    await first.ask(asked)
    assert first.computed == 2


async def test_a_failure_is_told_to_those_who_wait_and_not_kept(first: Process) -> None:
    def fail() -> str:
        raise RuntimeError("on purpose")

    asked, first.value = policy(), fail
    failures = await asyncio.gather(*(first.ask(asked) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in failures] == [RuntimeError] * 5
    assert first.computed == 1
    first.value = lambda: "an answer"
    assert await first.ask(asked) == "an answer"


@pytest.mark.parametrize(
    ("scope", "actor", "computed"),
    [
        (Scope.ORGANIZATION, replace(ADA, user_id=ObjectId(), permissions=frozenset()), 1),
        (Scope.ORGANIZATION, ELSEWHERE, 2),
        (Scope.PRIVATE, replace(ADA, session_id=ObjectId()), 1),
        (Scope.PRIVATE, replace(ADA, user_id=ObjectId()), 2),
        (Scope.PRIVATE, replace(ADA, permissions=frozenset({"read", "write"})), 2),
        (Scope.PRIVATE, replace(ADA, staff=True), 2),
        (Scope.PRIVATE, ELSEWHERE, 2),
    ],
)
async def test_it_is_given_to_those_for_whom_it_is_the_same(
    first: Process, scope: Scope, actor: Actor, computed: int
) -> None:
    asked = policy(scope)
    await first.ask(asked, ADA)
    await first.ask(asked, actor)
    assert first.computed == computed


@pytest.mark.parametrize("scope", [Scope.ORGANIZATION, Scope.PRIVATE])
@pytest.mark.parametrize("actor", [ANONYMOUS, Actor(user_id=ADA.user_id)])
async def test_nothing_is_kept_for_those_who_are_in_no_organization(first: Process, scope: Scope, actor: Actor) -> None:
    asked = policy(scope)
    await first.ask(asked, actor)
    assert first.count("entries") == 0


async def test_whom_the_audience_refuses_is_given_nothing(first: Process) -> None:
    class Members:
        def refuse(self, actor: Actor) -> Exception | None:
            return None if actor.can("read") else Forbidden("no")

    asked = replace(policy(), gates=(Members(),))
    assert first.answers.key(asked, ADA, {}) is not None
    assert first.answers.key(asked, replace(ADA, permissions=frozenset()), {}) is None


async def test_variables_tell_answers_apart(first: Process) -> None:
    asked = policy()
    cases: list[tuple[dict[str, object], int]] = [
        ({"a": 1, "b": 2}, 1),
        ({"b": 2, "a": 1}, 1),
        ({"a": 1}, 2),
        ({"a": "1"}, 3),
        ({}, 4),
    ]
    for variables, computed in cases:
        await first.ask(asked, ADA, **variables)
        assert first.computed == computed, variables


@pytest.mark.parametrize("value", [1 << 70, "x" * 2_000, "\ud800"])
async def test_for_strange_variables_nothing_is_kept(first: Process, value: object) -> None:
    asked = policy()
    assert await first.ask(asked, ADA, value=value) == "an answer"
    assert first.count("entries") == 0


async def test_a_process_that_is_behind_forgets_everything(first: Process) -> None:
    asked = policy()
    await first.ask(asked)
    first.hub.current_at -= cache.BEHIND + 0.1
    assert first.answers.key(asked, ADA, {}) is None
    assert first.count("entries") == 0
    await first.ask(asked)
    assert first.computed == 2


async def test_a_process_that_has_a_gap_forgets_everything_also_what_is_under_way(first: Process) -> None:
    asked, other, first.delay = policy(), policy(), 0.05
    await first.ask(asked)
    under_way = asyncio.create_task(first.ask(other))
    await begun(first, 2)
    for listener in first.hub._gap_listeners:
        listener()
    await under_way
    assert first.count("entries") == 0


async def test_those_asked_for_longest_ago_make_room() -> None:
    small = process(max_bytes=20_000)
    policies = [policy() for _ in range(5)]
    for one in policies[:4]:
        await small.ask(one)
    await small.ask(policies[0])
    await small.ask(policies[4])
    assert (small.computed, small.count("entries"), small.count("evicted")) == (5, 4, 1)
    assert small.count("bytes") <= 20_000
    await small.ask(policies[0])
    assert small.computed == 5
    await small.ask(policies[1])
    assert small.computed == 6
    small.value = lambda: "x" * 20_000
    large = policy()
    await small.ask(large)
    await small.ask(large)
    assert small.computed == 8, "one that is larger than everything together is not kept"
    small.hear(LampSwitched(ADA))
    assert (small.count("entries"), small.count("bytes")) == (0, 0)
    assert not small.answers._memory._named
    await small.answers.close()


async def test_what_is_asked_for_often_is_computed_anew_before_anybody_asks(first: Process) -> None:
    often, seldom, first.value = policy(), policy(), numbered()
    for _ in range(cache.HOT + 1):
        await first.ask(often)
    await first.ask(seldom)
    first.hear(LampSwitched(ADA))
    await until_warmed(first, 1)
    await asyncio.sleep(2 * cache.SPREAD)
    assert (first.count("entries"), first.computed) == (1, 3)
    assert await first.ask(often) == "number 3"
    assert first.computed == 3


async def test_what_is_asked_for_often_is_computed_anew_before_it_ends(
    first: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.time()
    monkeypatch.setattr(clock, "source", lambda: begun)
    asked, first.value = policy(), numbered()
    for _ in range(cache.HOT + 1):
        await first.ask(asked)
    assert first.computed == 1
    monkeypatch.setattr(clock, "source", lambda: begun + TTL * 0.95)
    assert await first.ask(asked) == "number 1", "meanwhile it is still good"
    await until_warmed(first, 1)
    monkeypatch.setattr(clock, "source", lambda: begun + TTL * 1.5)
    assert await first.ask(asked) == "number 2"


async def test_a_burst_of_changes_costs_one_computation(first: Process) -> None:
    asked = policy()
    for _ in range(cache.HOT + 1):
        await first.ask(asked)
    for _ in range(20):
        first.hear(LampSwitched(ADA))
    await until_warmed(first, 1)
    assert first.computed == 2


async def test_no_more_are_computed_anew_than_there_is_room_for(
    first: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WAITING", 0)
    policies = [policy() for _ in range(cache.WARMING + 3)]
    for asked in policies:
        for _ in range(cache.HOT + 1):
            await first.ask(asked)
    first.hear(LampSwitched(ADA))
    await until_warmed(first, cache.WARMING)
    await asyncio.sleep(2 * cache.SPREAD)
    assert first.count("warmed") == cache.WARMING


async def begun(process: Process, times: int) -> None:
    """Wait until the process has begun to compute so often."""
    async with asyncio.timeout(PATIENCE):
        while process.computed < times:
            await asyncio.sleep(0)


async def until_warmed(process: Process, times: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.count("warmed") < times:
            await asyncio.sleep(0.005)


async def test_without_room_nothing_is_kept() -> None:
    none = process(max_bytes=0)
    asked = policy()
    assert none.answers.key(asked, ADA, {}) is None
    await none.answers.close()
