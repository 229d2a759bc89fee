"""Staff: those who run the platform itself. Only the platform decides who they are, by its command line."""

from app.core import changes
from app.core.actor import Actor
from app.core.errors import NotFound
from app.models import StaffRole, User
from app.models.identity.events import StaffChanged
from app.services.identity import second_factors
from app.services.identity.second_factors import LostFactors


async def members(actor: Actor) -> list[User]:
    """Everybody on the staff."""
    return await User.select(actor, {"staff": True})


async def change(actor: Actor, email: str, role: StaffRole | None) -> tuple[User, bool]:
    """Let the account of an address on the staff in a role, or take it off; answers whether that was new.

    Raises NotFound. What its sessions may do is decided anew, in every process.
    """
    user, staff = await _of(actor, email), role is not None
    if user.staff is staff and role in (None, user.staff_role):
        return user, False
    set = {"staff": staff, "staff_role": (role or StaffRole.ADMIN).value}
    told = StaffChanged(actor, user=user.id, staff=staff, role=set["staff_role"])  # type: ignore[arg-type]
    changed = await changes.change(User, User.within(actor, _id=user.id), {"$set": set}, told)
    return changed or user, changed is not None


async def recover(actor: Actor, email: str, reason: str) -> User:
    """Take the second factors off the account of an address. Raises NotFound, for who has none too."""
    user = await _of(actor, email)
    await second_factors.reset(actor, LostFactors(user_id=user.id, reason=reason))
    return user


async def _of(actor: Actor, email: str) -> User:
    user = await User.lookup(actor, email=email.lower())
    if user is None:
        raise NotFound("Nobody has an account with the address {email}.", email=email)
    return user
