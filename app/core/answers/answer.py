"""Answers, and the questions to which they are kept."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.core.answers.policies import Policy


@dataclass(slots=True, eq=False)
class Answer:
    """A whole encoded answer."""

    body: bytes
    errors: tuple[str, ...] = ()
    """The codes of its errors; one that has any is never kept."""
    keep: bool = True
    """Whether it may be kept at all."""
    made: float = 0.0
    """When it was computed, in seconds since the epoch."""
    ttl: int = 0
    """Seconds for which it may be given, from then on; 0 for one that is not kept."""
    epoch: int = 0
    position: int = 0
    """The place in the log that was heard before it was computed: what is told up to there is in it."""
    coded: dict[str, bytes] = field(default_factory=dict)
    """The body compressed, by coding."""
    _tag: str = ""

    @property
    def tag(self) -> str:
        """A digest of the body, for ETag."""
        if not self._tag:
            self._tag = hashlib.blake2b(self.body, digest_size=12).hexdigest()
        return self._tag


Compute = Callable[[], Awaitable[Answer]]
"""Makes an answer; it may be called again later, for the same asker."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What somebody asks, once it is known that its answer may be kept for them."""

    key: bytes
    policy: Policy
    names: frozenset[str]
    """Of what the answer depends on, for this asker."""
    compute: Compute
