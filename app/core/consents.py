"""Versions of legal texts, as far as they decide what a person has yet to accept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.core.rows import Value


@dataclass(frozen=True, slots=True)
class TextVersion(Value):
    """A version of a kind of legal text, which holds `since` a moment until a later version does.

    Where it is `binding`, a person changes nothing before they have accepted it.
    """

    kind: str
    version: int
    since: datetime
    binding: bool


def holding(versions: Iterable[TextVersion], moment: datetime) -> list[TextVersion]:
    """Of each kind the newest version that holds."""
    newest: dict[str, TextVersion] = {}
    for one in versions:
        if one.since <= moment and (one.kind not in newest or newest[one.kind].version < one.version):
            newest[one.kind] = one
    return list(newest.values())
