"""Sensitive reads: what somebody was shown of others goes into the audit trail before they see it."""

from collections.abc import Mapping

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.models.audit.events import DataDisclosed

MOST = 1_000
"""Subjects that one event names."""


async def note(actor: Actor, disclosed: Mapping[str, set[ObjectId]]) -> None:
    """Tell, by kind of data, whose was shown."""
    for what, ids in sorted(disclosed.items()):
        subjects = sorted(ids)
        for first in range(0, max(1, len(subjects)), MOST):
            await changes.tell(DataDisclosed(actor, what=what, subjects=subjects[first : first + MOST]))
