"""What staff did, kept in the log."""

from dataclasses import replace

from app.core import changes
from app.core.actor import Actor
from app.models.platform.events import StaffActed


def tell(actor: Actor, action: str, kind: str, *subjects: object) -> None:
    """Tell with the running scope what was done, in the feed of no organization, even if the actor is in one."""
    outside = replace(actor, organization_id=None)
    changes.emit(*(StaffActed(outside, action=action, kind=kind, subject=str(subject)) for subject in subjects))
