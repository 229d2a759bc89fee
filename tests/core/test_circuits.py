"""Circuit breakers: closed, open, and one probe after the rest."""

import random
from collections.abc import Callable

import pytest

from app.core import circuits
from app.core.circuits import Breaker, Circuit, Open

ERRORS = (OSError, ValueError), (ValueError,)
"""What the service shows of its health: it is sick when OSError is raised, and only refuses with ValueError."""


class Time:
    """A monotonic clock that a test moves."""

    seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """A clock at a standstill; rests are as long as they can be."""
    clock = Time()
    monkeypatch.setattr("app.core.circuits.time", clock)
    monkeypatch.setattr("app.core.circuits.random.random", lambda: 1.0)
    return clock


def fails(circuit: Circuit, error: Exception | None = None) -> None:
    failure = error or ConnectionError("refused")
    with pytest.raises(type(failure)), circuit.attempt(*ERRORS):
        raise failure


def succeeds(circuit: Circuit) -> None:
    with circuit.attempt(*ERRORS):
        pass


def refuses(circuit: Circuit) -> float:
    with pytest.raises(Open) as refused, circuit.attempt(*ERRORS):
        raise AssertionError("it was called")
    return refused.value.retry_after


def test_it_opens_after_failures_in_a_row(time: Time) -> None:
    circuit = Circuit("test", Breaker(failures=3, rest=10))
    for _ in range(2):
        fails(circuit)
        fails(circuit)
        succeeds(circuit)
    assert not circuit.open
    for _ in range(3):
        fails(circuit)
    assert circuit.open
    assert refuses(circuit) == 10
    time.seconds += 4
    assert refuses(circuit) == 6


@pytest.mark.parametrize("error", [ValueError("our fault"), KeyError("a bug of ours")])
def test_what_is_not_the_services_fault_opens_nothing(time: Time, error: Exception) -> None:
    circuit = Circuit("test", Breaker(failures=2))
    for _ in range(5):
        fails(circuit, error)
    assert not circuit.open


def test_a_refusal_shows_that_the_service_is_well(time: Time) -> None:
    circuit = Circuit("test", Breaker(failures=2, rest=10))
    fails(circuit)
    fails(circuit, ValueError())
    fails(circuit)
    assert not circuit.open
    fails(circuit)
    time.seconds += 10
    fails(circuit, ValueError())
    assert not circuit.open


def test_after_the_rest_one_caller_probes_and_closes_it(time: Time) -> None:
    circuit = Circuit("test", Breaker(failures=1, rest=10))
    fails(circuit)
    time.seconds += 10
    with circuit.attempt(*ERRORS):
        assert refuses(circuit) == circuits.PROBE
    assert not circuit.open
    succeeds(circuit)
    assert circuit.forgettable


def test_each_failed_probe_doubles_the_rest_up_to_the_longest(time: Time) -> None:
    circuit, rests = Circuit("test", Breaker(failures=1, rest=10, longest=50)), []
    for _ in range(5):
        fails(circuit)
        rests.append(refuses(circuit))
        time.seconds += rests[-1]
    assert rests == [10, 20, 40, 50, 50]
    succeeds(circuit)
    fails(circuit)
    assert refuses(circuit) == 10
    assert Breaker().pause(1_000_000) == 300


def test_a_probe_that_is_given_up_tells_nothing_and_the_next_caller_probes(time: Time) -> None:
    circuit = Circuit("test", Breaker(failures=1, rest=10))
    fails(circuit)
    time.seconds += 10
    with pytest.raises(KeyboardInterrupt), circuit.attempt(*ERRORS):
        raise KeyboardInterrupt
    assert circuit.open
    succeeds(circuit)
    assert not circuit.open


@pytest.mark.parametrize("end", [fails, succeeds])
def test_calls_from_before_it_opened_change_nothing(time: Time, end: Callable[[Circuit], None]) -> None:
    circuit = Circuit("test", Breaker(failures=1, rest=10))
    early = circuit.attempt(*ERRORS)
    early.__enter__()
    fails(circuit)
    early.__exit__(*((None,) * 3 if end is succeeds else (OSError, OSError(), None)))
    assert refuses(circuit) == 10


def test_rests_are_spread_over_their_whole_length() -> None:
    random.seed(11)
    pauses = sorted(Breaker(rest=10).pause(1) for _ in range(1_000))
    assert 0 <= pauses[0] < 0.2
    assert 9.8 < pauses[-1] <= 10
    assert 4.5 < pauses[500] < 5.5
