"""Circuit breakers: a service that fails again and again is left alone for a while, and then asked by one caller."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from app.core.metrics import CIRCUIT_OPENINGS

PROBE = 1.0
"""Seconds after which to ask again while another caller's probe is under way."""
_MAX_DOUBLINGS = 16

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a circuit opens, and for how long: `failures` in a row; `rest` seconds, doubled whenever a probe fails.

    A rest is drawn between nothing and that ("full jitter"), so that processes do not probe all at once.
    """

    failures: int = 5
    rest: float = 30.0
    longest: float = 300.0

    def pause(self, openings: int) -> float:
        """Seconds to rest at the so many-th opening in a row, from 1."""
        longest: float = min(self.longest, self.rest * 2 ** min(openings - 1, _MAX_DOUBLINGS))
        return random.random() * longest  # noqa: S311 - jitter


class Open(Exception):
    """The circuit is open, so the call is not made; another may be after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"open for another {retry_after:.1f} s")
        self.retry_after = retry_after


class Circuit:
    """One breaker at work. Closed, calls flow; open, they are refused; after the rest one probe decides."""

    def __init__(self, name: str, breaker: Breaker) -> None:
        self.name, self.breaker = name, breaker
        self._failures = self._openings = self._calls = 0
        self._rests_until = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        return self._openings > 0

    @property
    def forgettable(self) -> bool:
        """Whether a new one would do as well."""
        return not (self._failures or self._openings or self._calls)

    def check(self) -> None:
        """Raise Open if a call would not be made now."""
        if self.open:
            rest = self._rests_until - time.monotonic()
            if rest > 0 or self._probing:
                raise Open(rest if rest > 0 else PROBE)

    @contextmanager
    def attempt(self, sick: tuple[type[Exception], ...], refusals: tuple[type[Exception], ...]) -> Iterator[None]:
        """One call. An error in `refusals` tells that the service is well, another one in `sick` that it is not.

        Any other, and a cancellation, tells nothing. Raises Open.
        """
        self.check()
        probe = self._probing = self.open
        self._calls += 1
        try:
            yield
            self._succeeded(probe)
        except refusals:
            self._succeeded(probe)
            raise
        except sick as error:
            self._failed(probe, error)
            raise
        finally:
            self._calls -= 1
            if probe:
                self._probing = False

    def _succeeded(self, probe: bool) -> None:
        if self.open and not probe:
            return  # asked before it opened
        if self.open:
            _log.info("circuit_closed", service=self.name)
        self._failures = self._openings = 0

    def _failed(self, probe: bool, error: Exception) -> None:
        if self.open and not probe:
            return
        self._failures += 1
        if probe or self._failures >= self.breaker.failures:
            self._openings += 1
            rest = self.breaker.pause(self._openings)
            self._rests_until = time.monotonic() + rest
            CIRCUIT_OPENINGS.labels(self.name).inc()
            _log.warning("circuit_opened", service=self.name, rest=round(rest, 1), error=repr(error)[:300])
