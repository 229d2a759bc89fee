"""Staff: those who run the platform itself. Only the platform decides who they are, by its command line."""

from app.core import changes
from app.core.actor import Actor
from app.core.errors import NotFound
from app.models import User
from app.models.identity.events import StaffChanged


async def members(actor: Actor) -> list[User]:
    """Everybody on the staff."""
    return await User.select(actor, {"staff": True})


async def change(actor: Actor, email: str, *, staff: bool) -> tuple[User, bool]:
    """Let the account of an address on the staff, or take it off; answers whether that was new. Raises NotFound.

    What its sessions may do is decided anew, in every process.
    """
    user = await User.lookup(actor, email=email.lower())
    if user is None:
        raise NotFound(f"Nobody has an account with the address {email}.")
    where = User.within(actor, {"staff": {"$ne": staff}}, _id=user.id)
    changed = await changes.change(
        User, where, {"$set": {"staff": staff}}, StaffChanged(actor, user=user.id, staff=staff)
    )
    return changed or user, changed is not None
