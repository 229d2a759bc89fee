"""Calls to outside services: bounded in time, in number, and not made while the service is sick."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY

from app.core import circuits, outside
from app.core.circuits import Breaker
from app.core.errors import Unavailable
from app.core.outside import Away, Outside


class Refused(Exception):
    """What was asked for is wrong."""


@pytest.fixture(autouse=True)
def full_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.circuits.random.random", lambda: 1.0)


def figure(name: str, service: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"atrium_{name}", {"service": service, **labels}) or 0.0


async def call(service: Outside, error: BaseException | None = None, key: str = "") -> None:
    async with service.call(key):
        await asyncio.sleep(0)
        if error:
            raise error


async def fail(service: Outside, times: int, key: str = "") -> None:
    for _ in range(times):
        with pytest.raises(OSError):
            await call(service, OSError("no route"), key)


async def away(service: Outside, key: str = "") -> Away:
    with pytest.raises(Away) as refused:
        await call(service, AssertionError("it was called"), key)
    return refused.value


async def test_a_call_that_takes_too_long_is_given_up() -> None:
    service = Outside("slow", timeout=0.05, concurrency=1)
    with pytest.raises(TimeoutError):
        async with service.call():
            await asyncio.sleep(60)
    assert figure("outside_call_seconds_count", "slow", outcome="timeout") == 1
    await call(service)


async def test_a_sick_service_is_left_alone_and_says_for_how_long() -> None:
    service = Outside("sick", timeout=5, concurrency=4, breaker=Breaker(failures=3, rest=20), refusals=(Refused,))
    for _ in range(5):
        with pytest.raises(Refused):
            await call(service, Refused())
    await fail(service, 3)
    start = time.monotonic()
    refusals = [await away(service) for _ in range(100)]
    assert time.monotonic() - start < 5, "it fails fast"
    assert all(isinstance(one, Unavailable) and 15 < one.retry_after <= 20 for one in refusals)
    assert "sick" not in str(refusals[0]), "people are not told what is behind"
    assert repr(refusals[0]).startswith("Away(sick is open, again in ")
    assert figure("circuits_open", "sick") == figure("circuit_openings_total", "sick") == 1
    assert figure("outside_refused_total", "sick", reason="open") == 100
    assert figure("outside_call_seconds_count", "sick", outcome="rejected") == 5
    assert figure("outside_call_seconds_count", "sick", outcome="failed") == 3


async def test_one_probe_after_the_rest_lets_everybody_in_again() -> None:
    service = Outside("mended", timeout=5, concurrency=8, breaker=Breaker(failures=1, rest=0.05))
    await fail(service, 1)
    await asyncio.sleep(0.1)
    going, go_on = asyncio.Event(), asyncio.Event()

    async def probe() -> None:
        async with service.call():
            going.set()
            await go_on.wait()

    probing = asyncio.create_task(probe())
    await going.wait()
    assert [(await away(service)).retry_after for _ in range(5)] == [circuits.PROBE] * 5
    go_on.set()
    await probing
    await asyncio.gather(*(call(service) for _ in range(5)))
    assert figure("circuits_open", "mended") == 0


async def test_a_cancelled_call_tells_nothing_of_the_service() -> None:
    service = Outside("cancelled", timeout=5, concurrency=1, breaker=Breaker(failures=1))
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await call(service, asyncio.CancelledError())
    await call(service)
    assert figure("outside_call_seconds_count", "cancelled", outcome="cancelled") == 3


async def test_no_more_than_so_many_call_and_wait_and_the_rest_are_refused_at_once() -> None:
    service, go_on = Outside("crowded", timeout=30, concurrency=2, waiting=3), asyncio.Event()
    together = most = 0

    async def one() -> None:
        nonlocal together, most
        async with service.call():
            together += 1
            most = max(most, together)
            await go_on.wait()
            together -= 1

    callers = [asyncio.create_task(one()) for _ in range(9)]
    done, busy = await asyncio.wait(callers, timeout=0.1)
    assert (len(done), len(busy)) == (4, 5)
    assert {repr(caller.exception()) for caller in done} == {"Away(crowded is full, again in 1.0 s)"}
    assert (figure("outside_in_use", "crowded"), figure("outside_waiting", "crowded")) == (2, 3)
    callers[-5].cancel()
    go_on.set()
    await asyncio.gather(*busy, return_exceptions=True)
    assert most == 2
    assert (figure("outside_in_use", "crowded"), figure("outside_waiting", "crowded")) == (0, 0)
    assert figure("outside_refused_total", "crowded", reason="full") == 4
    await call(service)


async def test_nobody_waits_for_a_turn_longer_than_a_call_may_take() -> None:
    service = Outside("stuck", timeout=0.2, concurrency=1, sick=())
    go_on = asyncio.Event()

    async def one() -> None:
        async with service.call():
            await go_on.wait()

    first = asyncio.create_task(one())
    await asyncio.sleep(0.1)
    waiter = asyncio.create_task(one())
    await asyncio.wait([first])
    assert isinstance(first.exception(), TimeoutError)
    with pytest.raises((Away, TimeoutError)):
        await waiter
    go_on.set()
    await call(service)


async def test_who_waited_is_not_sent_to_a_service_that_fell_sick_meanwhile() -> None:
    service = Outside("fell sick", timeout=5, concurrency=1, breaker=Breaker(failures=1))
    first = asyncio.create_task(fail(service, 1))
    waiting = [asyncio.create_task(away(service)) for _ in range(5)]
    await asyncio.gather(first, *waiting)


async def test_each_endpoint_has_its_own_circuit_and_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "KEYS", 10)
    service = Outside("hooks", timeout=5, concurrency=50, breaker=Breaker(failures=2))
    await asyncio.gather(*(fail(service, 1, "sick") for _ in range(2)))
    await away(service, "sick")
    for number in range(100):
        await call(service, key=f"well {number}")
    await away(service, "sick")
    assert figure("circuits_open", "hooks") == 1
    for number in range(100):
        await fail(service, 2, f"sick {number}")
    assert len(service._circuits) == figure("circuits_open", "hooks") == 10
    await away(service, "sick 99")
    await call(service, key="sick")
