"""Services outside: every call to one is bounded in time and number, and not made while the service is sick.

SERVER = Outside("smtp", timeout=20, concurrency=8, refusals=(Rejected,))

async with SERVER.call():
    await client.send(message)
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from app.core import metrics
from app.core.circuits import Breaker, Circuit, Open
from app.core.errors import Unavailable

KEYS = 1_000
"""Circuits of one service that are remembered: those of the keys whose calls failed last."""
FULL = 1.0
"""Seconds after which to ask again where too many wait."""


class Away(Unavailable):
    """An outside service was not asked: it is sick, or has enough to do. `retry_after` seconds later it may be."""

    def __init__(self, service: str, reason: str, retry_after: float) -> None:
        super().__init__("Something that this needs does not answer at present. Try again in a while.")
        self.service, self.reason, self.retry_after = service, reason, retry_after

    def __repr__(self) -> str:
        return f"Away({self.service} is {self.reason}, again in {self.retry_after:.1f} s)"


class Outside:
    """One service, as data: how long a call may take, how many at once, how many may wait, when it is left alone.

    A call waits for its turn `timeout` seconds at most, and takes as many. `sick` are the errors by which the service
    shows that it is not well, all if nothing is said; `refusals` those among them that only refuse what it was asked.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float,
        concurrency: int,
        waiting: int = 100,
        breaker: Breaker = Breaker(),  # noqa: B008 - frozen
        sick: tuple[type[Exception], ...] = (Exception,),
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name, self.timeout = name, timeout
        self._breaker, self._sick, self._refusals = breaker, sick, refusals
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()
        self._turns = asyncio.Semaphore(concurrency)
        self._room, self._waiting, self._in_use = waiting, 0, 0
        metrics.OUTSIDE_IN_USE.labels(name).set_function(lambda: self._in_use)
        metrics.OUTSIDE_WAITING.labels(name).set_function(lambda: self._waiting)
        metrics.CIRCUITS_OPEN.labels(name).set_function(lambda: self.open_circuits)

    @property
    def open_circuits(self) -> int:
        return sum(circuit.open for circuit in list(self._circuits.values()))

    @asynccontextmanager
    async def call(self, key: str = "") -> AsyncIterator[None]:
        """Make one call in the body. A service with many endpoints names the one by `key`: each has its own circuit.

        Raises Away when the call is not to be made, TimeoutError, and whatever the body raises.
        """
        circuit = self._circuits.setdefault(key, Circuit(self.name, self._breaker))
        try:
            circuit.check()
            async with self._turn():
                with circuit.attempt(self._sick, self._refusals), self._timed():
                    async with asyncio.timeout(self.timeout):
                        yield
        except Open as error:
            raise self._away("open", error.retry_after) from None
        finally:
            self._remember(key, circuit)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A place among those that call now."""
        if self._turns.locked() and self._waiting >= self._room:
            raise self._away("full", FULL)
        self._waiting += 1
        try:
            async with asyncio.timeout(self.timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise self._away("full", FULL) from None
        finally:
            self._waiting -= 1
        self._in_use += 1
        try:
            yield
        finally:
            self._in_use -= 1
            self._turns.release()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started, outcome = time.perf_counter(), "ok"
        try:
            yield
        except BaseException as error:
            outcome = self._outcome(error)
            raise
        finally:
            metrics.OUTSIDE_CALLS.labels(self.name, outcome).observe(time.perf_counter() - started)

    def _outcome(self, error: BaseException) -> str:
        if isinstance(error, self._refusals):
            return "rejected"
        if isinstance(error, TimeoutError):
            return "timeout"
        return "failed" if isinstance(error, Exception) else "cancelled"

    def _away(self, reason: str, retry_after: float) -> Away:
        metrics.OUTSIDE_REFUSED.labels(self.name, reason).inc()
        return Away(self.name, reason, retry_after)

    def _remember(self, key: str, circuit: Circuit) -> None:
        """Keep a circuit only while it has something to tell."""
        if circuit.forgettable:
            if self._circuits.get(key) is circuit:
                del self._circuits[key]
        else:
            self._circuits[key] = circuit
            self._circuits.move_to_end(key)
            while len(self._circuits) > KEYS:
                self._circuits.popitem(last=False)
