"""What clients asked for and what became of it, operation by operation; compared afterwards, as Jepsen does.

An operation is acknowledged (ok), refused (fail: it had no effect) or unknown: nobody told what became of it, so that
both is right. Keys name effects: the same key in the database twice is an effect that happened twice.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from pymongo.errors import PyMongoError

from app.core.errors import AppError


class Outcome(StrEnum):
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass
class Operation:
    """`invoked` and `ended` are seconds of the monotonic clock; one that has not ended is unknown."""

    client: str
    key: Hashable
    invoked: float = field(default_factory=time.monotonic)
    ended: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    answer: Any = None
    """What was answered, or the error."""

    def end(self, outcome: Outcome, answer: Any = None) -> None:
        self.ended, self.outcome, self.answer = time.monotonic(), outcome, answer


class History:
    """The operations of all clients, in the order in which they were begun."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def invoke(self, client: str, key: Hashable) -> Operation:
        """An operation that begins now; its client says how it ends."""
        operation = Operation(client, key)
        self.operations.append(operation)
        return operation

    async def run(self, client: str, key: Hashable, call: Callable[[], Awaitable[Any]]) -> Operation:
        """Call, and note what became of it. A refusal is a fail; an error of the database or the network is unknown."""
        operation = self.invoke(client, key)
        try:
            operation.end(Outcome.OK, await call())
        except AppError as error:
            refused = error.code not in {"UNAVAILABLE", "TIMEOUT"}
            operation.end(Outcome.FAIL if refused else Outcome.UNKNOWN, error)
        except (PyMongoError, OSError, TimeoutError) as error:
            operation.end(Outcome.UNKNOWN, error)
        return operation

    def keys(self, outcome: Outcome) -> set[Hashable]:
        """The keys of which an attempt ended so."""
        return {one.key for one in self.operations if one.outcome is outcome}

    def unknown(self) -> list[Operation]:
        """The attempts that ended without anybody knowing what became of them."""
        return [one for one in self.operations if one.ended and one.outcome is Outcome.UNKNOWN]

    def problems(self, effects: Iterable[Hashable]) -> list[str]:
        """What cannot be right of the keys of all effects that are there: lost, twice, or by nobody."""
        found = Counter(effects)
        asked = {one.key for one in self.operations}
        wrong = {
            "acknowledged, but lost": self.keys(Outcome.OK) - set(found),
            "there twice": {key for key, count in found.items() if count > 1},
            "refused only, but there": (asked - self.keys(Outcome.OK) - self.keys(Outcome.UNKNOWN)) & set(found),
            "there, but nobody asked for it": set(found) - asked,
        }
        return [f"{len(keys)} {what}, such as {next(iter(keys))}" for what, keys in wrong.items() if keys]

    def stall(self, since: float = 0.0) -> float:
        """The longest time without any acknowledgement that ended after a moment, in seconds."""
        ends = sorted(one.ended for one in self.operations if one.ended and one.outcome is Outcome.OK)
        return max((end - before for before, end in pairwise(ends) if end > since), default=0.0)

    def counts(self) -> dict[str, int]:
        """How many operations ended in which way; errors by their names."""
        names = (
            type(one.answer).__name__ if isinstance(one.answer, Exception) else one.outcome.value
            for one in self.operations
        )
        return dict(Counter(names))


def disorder(heard: Sequence[Hashable], truth: Sequence[Hashable]) -> str | None:
    """How a list differs from what it had to be; None when it is the same."""
    if list(heard) == list(truth):
        return None
    got, due = Counter(heard), Counter(truth)
    missing, extra = (due - got).total(), (got - due).total()
    return f"{missing} missing, {extra} too many" if missing or extra else "all, in another order"
