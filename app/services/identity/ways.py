"""The ways in which a person can sign in: one must always be left."""

from dataclasses import dataclass

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.paging import NEWEST
from app.core.rows import Value
from app.models import Credential, Identity, Passkey, User
from app.services.identity import users

PLATFORM = Actor.platform()


class LastWay(Conflict):
    """Without it the person could not sign in any more."""

    code = "LAST_WAY_TO_SIGN_IN"


class AddressUnproved(Conflict):
    """Whoever made the account has not shown that the address is theirs: its owner may come, and must be alone then."""

    code = "VERIFY_EMAIL_FIRST"


@dataclass(slots=True)
class Ways(Value):
    """How somebody can sign in."""

    password: bool
    passkeys: list[Passkey]
    identities: list[Identity]

    @property
    def count(self) -> int:
        return self.password + len(self.passkeys) + len(self.identities)


async def of(actor: Actor) -> Ways:
    """The actor's ways."""
    credential = await Credential.lookup(actor, _id=actor.user_id)
    passkeys = await Passkey.select(actor, order=NEWEST)
    identities = await Identity.select(actor, order=NEWEST)
    return Ways(bool(credential and credential.password_hash), passkeys, identities)


async def may_add(actor: Actor) -> User:
    """The actor, who may add a way to sign in. Raises AddressUnproved.

    Else somebody could register another's address, add a way, and still have it when its owner has come by a link.
    """
    user = await users.me(actor)
    if user.email_verified_at is None:
        raise AddressUnproved("Verify your e-mail address first.")
    return user


async def take_one(user_id: ObjectId) -> None:
    """Refuse to take away one of a person's ways unless another is left; call it in the scope that takes it away.

    Raises LastWay. Of two that are taken away at once, the second sees that the first is gone.
    """
    assert changes.scoped()
    await changes.change(User, {"_id": user_id}, {"$inc": {"way_changes": 1}})
    if (await of(Actor(user_id=user_id))).count < 2:
        raise LastWay("This is your only way to sign in: add another first.")
