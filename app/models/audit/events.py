"""What is itself worth auditing about the audit trail, and reading that is."""

from dataclasses import dataclass, field

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class DataDisclosed(Event):
    """Somebody was shown what is not theirs: `what` names it, `subjects` whose it is; none means a whole list."""

    what: str
    subjects: list[ObjectId] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AuditTrimmed(Event):
    """Entries of the chain up to this number are kept no longer; a signed head says what they were."""

    number: int
