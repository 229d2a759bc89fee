"""Second factors: what a person can prove besides the password."""

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.rows import Value
from app.models import Credential, User
from app.models.identity.credentials import FactorReset, Totp
from app.models.identity.events import ProfileChanged, SecondFactorsChanged, SecondFactorsReset
from app.services.identity import attempts, recovery, sessions, totp, users
from app.services.identity.challenges import WrongCode, factors

PLATFORM = Actor.platform()


class FactorThere(Conflict):
    """The person has an app already: take that away first."""

    code = "FACTOR_THERE"


class NoFactor(NotFound):
    """There is no such second factor."""


class StaffFactorsStay(Forbidden):
    """Those of somebody on the staff are taken away by the command line only."""

    code = "STAFF_FACTORS_STAY"


class TotpCode(Command):
    """The code that the app shows now."""

    code: Annotated[str, Field(max_length=20, repr=False)]


class LostFactors(Command):
    """Who has lost every second factor and every recovery code, and how that was found to be true: they read it."""

    user_id: Annotated[ObjectId, Ref("User")]
    reason: Annotated[str, Field(min_length=1, max_length=300)]


@dataclass(slots=True)
class TotpEnrolment(Value):
    """What an authenticator app needs, shown once: the secret as a URI, its QR code and for typing."""

    uri: str
    svg: str
    secret: str


@dataclass(slots=True)
class RecoveryCodes(Value):
    """Codes for who loses the second factor, shown once; none where those of before still hold."""

    codes: list[str]


@dataclass(slots=True)
class FactorRemoved(Value):
    """A second factor is gone; `left` says whether there is another."""

    left: bool


async def begin_totp(actor: Actor) -> TotpEnrolment:
    """A new secret for an authenticator app, which counts once a code of it is confirmed. Raises FactorThere."""
    user = await users.me(actor)
    secret, sealed = await totp.new_secret(user.id)
    where = {"_id": user.id, "totp.confirmed": {"$ne": True}}
    set = {"totp": asdict(Totp(sealed, confirmed=False, step=0))}
    if await changes.change(Credential, where, {"$set": set}) is None:
        raise FactorThere("You have an authenticator app already: remove it first.")
    uri = totp.uri(secret, user.email)
    return TotpEnrolment(uri, totp.picture(uri), secret)


async def confirm_totp(actor: Actor, given: TotpCode, address: str) -> RecoveryCodes:
    """Let the app count from now on. Raises WrongCode or Throttled."""
    user = await users.me(actor)
    async with attempts.guess(user.email, address):
        confirmed = await _confirm_totp(user.id, given.code)
        if confirmed is None:
            raise WrongCode("That is not the code of now.", path=["input", "code"])
    return confirmed


@changes.atomic
async def _confirm_totp(user_id: ObjectId, code: str) -> RecoveryCodes | None:
    if not await totp.take(user_id, code, confirming=True):
        return None
    return await added(user_id)


@changes.atomic
async def remove_totp(actor: Actor) -> FactorRemoved:
    """Let the app count no more. Raises NoFactor."""
    assert actor.user_id
    where = {"_id": actor.user_id, "totp.confirmed": True}
    credential = await changes.change(Credential, where, {"$set": {"totp": None}})
    if credential is None:
        raise NoFactor("You have no authenticator app.")
    return await removed(credential)


@changes.atomic
async def renew_recovery_codes(actor: Actor) -> RecoveryCodes:
    """New codes in the place of those that were left. Raises NoFactor."""
    user = await users.me(actor)
    if not user.second_factor:
        raise NoFactor("You have no second factor to recover from.")
    return RecoveryCodes(await recovery.renew(user.id))


@changes.atomic
async def reset(actor: Actor, given: LostFactors) -> FactorRemoved:
    """Take a person's second factors away and end their sessions; they are told. Raises NoFactor, StaffFactorsStay."""
    user = await User.lookup(PLATFORM, _id=given.user_id)
    if user is None or not user.second_factor:
        raise NoFactor("This person has no second factor.", path=["input", "userId"])
    if user.staff and not actor.system:
        raise StaffFactorsStay("Only the command line does this to staff.", path=["input", "userId"])
    told = SecondFactorsReset(replace(actor, organization_id=None), user=user.id)
    kept = asdict(FactorReset(now(), actor.user_id, given.reason))
    gone: dict[str, Any] = {"$set": {"totp": None, "phone": None, "recovery": [], "factor_reset": kept}}
    await changes.change(Credential, {"_id": user.id}, gone, told)
    await _tell(user.id, left=False)
    await sessions.end_all(user.id, "factors_reset")
    return FactorRemoved(left=False)


async def added(user_id: ObjectId) -> RecoveryCodes:
    """Tell that the person has another second factor; the first brings recovery codes. In the scope that adds it."""
    user = await User.require(PLATFORM, user_id)
    await _tell(user_id, left=True)
    return RecoveryCodes([] if user.second_factor else await recovery.renew(user_id))


async def removed(credential: Credential) -> FactorRemoved:
    """Tell that the person has one second factor less, as is stored. In the scope that takes it away."""
    left = bool(factors(credential))
    if not left:
        await changes.change(Credential, {"_id": credential.id}, {"$set": {"recovery": []}})
    await _tell(credential.id, left=left)
    return FactorRemoved(left)


async def _tell(user_id: ObjectId, *, left: bool) -> None:
    actor = Actor(user_id=user_id)
    told = SecondFactorsChanged(actor, user=user_id, left=left), ProfileChanged(actor, user=user_id)
    await changes.change(User, {"_id": user_id}, {"$set": {"second_factor": left}}, *told)
