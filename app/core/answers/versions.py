"""Since when an answer must have been begun, to have in it all that this process knows to have happened."""

from collections import OrderedDict
from collections.abc import Iterable

from bson import ObjectId

from app.core.answers.policies import MAX_TTL

KNOWN = 20_000
"""Names of which a process remembers when they changed last; the others did not after those that it forgot."""
LONGEST = MAX_TTL + 60.0
"""Seconds after which no answer is left that was begun before: kept for the longest time, and computed slowly."""


class Versions:
    def __init__(self) -> None:
        self._changed: OrderedDict[str, tuple[int, ObjectId]] = OrderedDict()
        self._floor = 0
        self._ahead: OrderedDict[str, tuple[ObjectId, float]] = OrderedDict()
        self._blind_until = 0.0

    def begin(self, position: int) -> None:
        """Know nothing of what was before this position."""
        self._changed.clear()
        self._floor = position

    def changed(self, names: Iterable[str], event: ObjectId, position: int) -> None:
        """The log has an event at this position."""
        for name in names:
            self._changed[name] = position, event
            self._changed.move_to_end(name)
            if (ahead := self._ahead.get(name)) and ahead[0] == event:
                del self._ahead[name]
        while len(self._changed) > KNOWN:
            _, (forgotten, _) = self._changed.popitem(last=False)
            self._floor = max(self._floor, forgotten)

    def told(self, names: Iterable[str], event: ObjectId, now: float) -> None:
        """This process has written an event whose position it does not know yet, nor so which answers are older."""
        for name in names:
            if (changed := self._changed.get(name)) and changed[1] == event:
                continue  # the log was faster than the answer to the write
            self._ahead[name] = event, now + LONGEST
            self._ahead.move_to_end(name)
        while len(self._ahead) > KNOWN:
            _, (_, until) = self._ahead.popitem(last=False)
            self._blind_until = max(self._blind_until, until)

    def hold(self, names: Iterable[str], position: int, now: float) -> bool:
        """Whether an answer of another process, begun at this position of the log, can be given here."""
        if now < self._blind_until:
            return False
        for name in names:
            if position < self._changed.get(name, (self._floor,))[0]:
                return False
            if (ahead := self._ahead.get(name)) and now < ahead[1]:
                return False
        return True
