"""The answers that this process keeps: those asked for last, bounded in bytes, by key and by what makes them old."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from app.core.answers.answer import Answer, Question

OVERHEAD = 4_096
"""Bytes that a kept answer takes besides its body and the text that asked for it."""


@dataclass(slots=True, eq=False)
class Kept:
    """An answer, and the question, to compute it anew."""

    question: Question
    answer: Answer
    early: float
    """When to compute it anew if it is asked for often, in seconds since the epoch."""
    hits: int = 0

    @property
    def size(self) -> int:
        """Bytes in memory at most: all compressed forms together weigh no more than the body."""
        return 2 * len(self.answer.body) + self.question.policy.length + OVERHEAD


class Memory:
    def __init__(self, max_bytes: int) -> None:
        self.bytes = self.evicted = 0
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self._named: defaultdict[str, set[bytes]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes, now: float) -> Kept | None:
        """What is kept, unless its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.answer.made + kept.answer.ttl:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, kept: Kept) -> None:
        key = kept.question.key
        self._forget(key)
        if kept.size > self._max_bytes:
            return
        self._kept[key] = kept
        self.bytes += kept.size
        for name in kept.question.names:
            self._named[name].add(key)
        while self.bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))
            self.evicted += 1

    def drop(self, names: Collection[str]) -> list[Kept]:
        """Forget what depends on one of these, and answer it."""
        dropped = {key: self._kept[key] for name in names for key in self._named.get(name, ())}
        for key in dropped:
            self._forget(key)
        return list(dropped.values())

    def clear(self) -> None:
        self._kept.clear()
        self._named.clear()
        self.bytes = 0

    def _forget(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.bytes -= kept.size
        for name in kept.question.names:
            self._named[name].discard(key)
            if not self._named[name]:
                del self._named[name]
