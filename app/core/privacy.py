"""What becomes of a person's data when they ask to be forgotten: every column of every row says it.

A row declares `policies`, from the names of its columns, separated by spaces, to a policy; and `data_subjects`, the
columns that say whose data it holds. An export gives people the rows that are theirs by one; an erasure clears them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a column's value; one that stays has a reason."""

    name: str
    reason: str = ""


ERASE = Policy("erase")
"""It is the person's: it is exported and goes with them."""
SECRET = Policy("secret")
"""It goes with them, and nobody is ever given it."""
PSEUDONYM = Policy("pseudonym")
"""The id of a person, which names nobody once what is known of them has gone."""
NEUTRAL = Policy("neutral")
"""It says nothing of a person that could be traced to them without such an id."""


def keep(reason: str) -> Policy:
    """It is a person's or may be, and stays for a reason."""
    return Policy("keep", reason)


@dataclass(frozen=True, slots=True)
class Subject:
    """That a row holds data of the person whose id is in the column `by`.

    When they are erased the row goes if it is `whole`; else the columns of `becomes` are set, each to a value or to
    what a function makes of the person's id.
    """

    by: str
    whole: bool = False
    along: str | None = None
    """The column of conversations by which rows are looked for, where there is no index of `by` in an organization."""
    becomes: Mapping[str, Any] = field(default_factory=dict)

    def cleared(self, person: ObjectId) -> dict[str, Any]:
        """What the columns are set to."""
        return {name: value(person) if callable(value) else value for name, value in self.becomes.items()}


Policies = Mapping[str, Policy]


def by_column(policies: Policies) -> dict[str, Policy]:
    """The policy of each column. Raises ValueError for a column that has two."""
    found: dict[str, Policy] = {}
    for names, policy in policies.items():
        for name in names.split():
            if name in found:
                raise ValueError(f"{name} has two policies")
            found[name] = policy
    return found
