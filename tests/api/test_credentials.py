"""The end of a sign-in reaches all who hold it, by a revocation or by the clock, and holds nobody who let go."""

import asyncio

from app.api.credentials import Credentials
from app.core import clock
from app.core.actor import ANONYMOUS


async def test_a_revocation_calls_everybody_who_holds_it_once() -> None:
    credentials, called = Credentials(ANONYMOUS), list[str]()
    ends = [lambda name=name: called.append(name) for name in ("a", "b", "c")]
    for end in ends:
        credentials.hold(end)
    credentials.release(ends[1])
    waiting = asyncio.create_task(credentials.ended.wait())
    await asyncio.sleep(0)
    credentials.ended.set()
    credentials.ended.set()
    await waiting
    assert sorted(called) == ["a", "c"]
    credentials.hold(ends[1])
    assert called[-1] == "b", "what has ended already is told at once"


async def test_the_clock_ends_it_too_by_one_timer_for_all() -> None:
    credentials, ended = Credentials(ANONYMOUS, clock.source() + 0.1), asyncio.Event()
    credentials.hold(ended.set)
    timer = credentials._expiry
    credentials.hold(other := lambda: None)
    assert credentials._expiry is timer
    credentials.release(other)
    async with asyncio.timeout(10):
        await ended.wait()


async def test_who_lets_go_leaves_no_timer() -> None:
    credentials = Credentials(ANONYMOUS, clock.source() + 60)
    credentials.hold(end := lambda: None)
    timer = credentials._expiry
    assert timer
    credentials.release(end)
    assert timer.cancelled()
    assert credentials._expiry is None


async def test_an_end_can_be_set_earlier_and_not_later() -> None:
    credentials, ended = Credentials(ANONYMOUS), asyncio.Event()
    credentials.hold(ended.set)
    assert credentials._expiry is None
    credentials.end_by(clock.source() + 60)
    later = credentials._expiry
    credentials.end_by(clock.source() + 0.1)
    assert later and later.cancelled()
    credentials.end_by(clock.source() + 90)
    async with asyncio.timeout(10):
        await ended.wait()


def test_an_end_that_nobody_holds_needs_no_timer() -> None:
    credentials = Credentials(ANONYMOUS, clock.source() + 60)
    credentials.end_by(clock.source() + 1)
    assert credentials._expiry is None
