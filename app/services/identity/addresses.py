"""E-mail addresses: proving that one's own is one's own, and changing it."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

from bson import ObjectId
from pydantic import Field
from pymongo.errors import DuplicateKeyError

from app.core import changes, throttles
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.errors import Conflict
from app.core.rows import Value
from app.models import Credential, Purpose, User
from app.models.identity.credentials import EmailChange
from app.models.identity.events import (
    EmailChangeAsked,
    EmailChanged,
    EmailVerificationAsked,
    EmailVerified,
    ProfileChanged,
)
from app.services.identity import tickets, users
from app.services.identity.accounts import Email
from app.services.identity.attempts import STRETCH, WISHES
from app.services.identity.tickets import TicketOver

PLATFORM = Actor.platform()
LIFETIME = timedelta(days=2)
"""How long a link that confirms an address is good."""


class AlreadyVerified(Conflict):
    code = "ALREADY_VERIFIED"


class EmailTaken(Conflict):
    """Somebody else has the address by now. Only who has proved that it is theirs learns so."""

    code = "EMAIL_TAKEN"


class EmailLink(Command):
    """The token of an e-mail's link."""

    token: Annotated[str, Field(max_length=200, repr=False)]


class NewEmail(Command):
    """The address to have from now on."""

    email: Email


@dataclass(slots=True)
class VerificationSent(Value):
    """An e-mail with a link is on its way to an address."""

    email: str


@dataclass(slots=True)
class EmailProved(Value):
    """The address is the account's, as who holds its link has proved."""

    email: str


@dataclass(slots=True)
class EmailConfirmed(Value):
    """An address has confirmed; `changed` once it is the person's."""

    email: str
    changed: bool


async def resend(actor: Actor) -> VerificationSent:
    """Send the link that verifies one's address again. Raises AlreadyVerified or Throttled."""
    user = await users.me(actor)
    if user.email_verified_at is not None:
        raise AlreadyVerified("Your address is verified already.")
    await throttles.spend("verification", str(user.id), WISHES, STRETCH)
    await changes.tell(EmailVerificationAsked(actor, user=user.id))
    return VerificationSent(user.email)


async def verification(user: User) -> str:
    """The token of a new link that proves that the person's address, as it is now, is theirs."""
    return await tickets.issue(Purpose.VERIFY_EMAIL, user.id, {"email": user.email}, LIFETIME)


@changes.atomic
async def verify(given: EmailLink) -> EmailProved:
    """Take it that who holds the link reads the address. Raises TicketOver."""
    ticket = await tickets.redeem(Purpose.VERIFY_EMAIL, given.token)
    assert ticket.user_id
    user = await proved(ticket.user_id, ticket.data["email"])
    if user is None:
        raise TicketOver
    return EmailProved(user.email)


async def proved(user_id: ObjectId, email: str) -> User | None:
    """Keep that a person has proved to read an address; None when it is not theirs any more."""
    actor, moment = Actor(user_id=user_id), now()
    told = EmailVerified(actor, user=user_id), ProfileChanged(actor, user=user_id)
    where = {"_id": user_id, "email": email}
    return await changes.change(User, where, {"$set": {"email_verified_at": moment}}, *told)


async def change(actor: Actor, given: NewEmail) -> VerificationSent:
    """Ask both addresses, the new one and, if it is verified, the one before, to confirm the change.

    Whether the new one is another account's is not told. Raises Conflict or Throttled.
    """
    user = await users.me(actor)
    if given.email == user.email:
        raise Conflict("This is your address already.", path=["input", "email"])
    await throttles.spend("change of address", str(user.id), WISHES, STRETCH)
    asked = EmailChange(id=new_id(), email=given.email, by_old=user.email_verified_at is None, by_new=False)
    told = EmailChangeAsked(actor, user=user.id, change=asked.id)
    await changes.change(Credential, {"_id": user.id}, {"$set": {"email_change": asdict(asked)}}, told)
    return VerificationSent(given.email)


async def asked(user_id: ObjectId, id: ObjectId) -> EmailChange | None:
    """The change of address with this id, while nothing has come of it and no other was asked for."""
    credential = await Credential.lookup(PLATFORM, {"email_change.id": id}, _id=user_id)
    return credential.email_change if credential else None


async def confirmation(user_id: ObjectId, asked: EmailChange, *, new: bool) -> str:
    """The token of a new link by which the new address, or the one before, confirms a change."""
    data = {"change": asked.id, "side": "by_new" if new else "by_old"}
    return await tickets.issue(Purpose.CONFIRM_EMAIL, user_id, data, LIFETIME)


async def confirm(given: EmailLink) -> EmailConfirmed:
    """Take the word of one of the two addresses; the second makes the change. Raises TicketOver or EmailTaken."""
    try:
        return await _confirm(given.token)
    except DuplicateKeyError:
        raise _taken() from None


@changes.atomic
async def _confirm(token: str) -> EmailConfirmed:
    ticket = await tickets.redeem(Purpose.CONFIRM_EMAIL, token)
    where = {"_id": ticket.user_id, "email_change.id": ticket.data["change"]}
    credential = await changes.change(Credential, where, {"$set": {f"email_change.{ticket.data['side']}": True}})
    if credential is None or credential.email_change is None:
        raise TicketOver
    asked = credential.email_change
    if not (asked.by_old and asked.by_new):
        return EmailConfirmed(asked.email, changed=False)
    if await User.lookup(PLATFORM, email=asked.email) is not None:
        raise _taken()
    actor = Actor(user_id=credential.id)
    told = EmailChanged(actor, user=credential.id), ProfileChanged(actor, user=credential.id)
    set = {"email": asked.email, "email_verified_at": now()}
    await changes.change(User, {"_id": credential.id}, {"$set": set}, *told)
    await changes.change(Credential, {"_id": credential.id}, {"$set": {"email_change": None}})
    # What was sent to the address before must not let its readers in any more.
    await tickets.cancel(credential.id, Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CONFIRM_EMAIL)
    return EmailConfirmed(asked.email, changed=True)


def _taken() -> EmailTaken:
    return EmailTaken("There is another account with this address.", path=["input", "token"])
