"""What a case of the test plan has shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """The figures; what must never be, on any machine; and what took longer than the plan allows, on a free one."""

    shown: str
    wrong: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def judged(shown: str, must: Mapping[str, bool], soon: Mapping[str, bool] | None = None) -> Verdict:
    """The verdict on figures, of claims that must hold and of claims about time."""
    broken, late = ([claim for claim, holds in claims.items() if not holds] for claims in (must, soon or {}))
    return Verdict(shown, broken, late)
