"""Passkeys (WebAuthn, level 2): sign-ins without a password, by a key of the person's own device.

The device asks who uses it each time, by a finger, a face or a number. So a passkey is two factors at once.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from bson import ObjectId
from pydantic import Field
from pymongo.errors import DuplicateKeyError
from webauthn.helpers.structs import CredentialDeviceType

from app.core import changes
from app.core.actor import Actor, Proof
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.rows import Value
from app.models import Passkey, PasskeyDocument, Purpose, User
from app.models.identity.events import PasskeyAdded, PasskeyRemoved
from app.services.identity import authenticators, sessions, tickets, ways
from app.services.identity.authenticators import ANSWER, BadPasskey
from app.services.identity.sessions import Device, SignedIn

PLATFORM = Actor.platform()
LIFETIME = timedelta(minutes=5)
MAX_PASSKEYS = 20

Name = Annotated[str, Field(min_length=1, max_length=60)]
Token = Annotated[str, Field(max_length=200, repr=False)]
Credential = Annotated[
    str, Field(max_length=ANSWER, repr=False, description="What the browser answered: `JSON.stringify(credential)`.")
]


class PasskeyKnown(Conflict):
    """The device has a passkey of ours already."""

    code = "PASSKEY_KNOWN"


class TooManyPasskeys(Conflict):
    code = "TOO_MANY_PASSKEYS"


class NewPasskey(Command):
    """What a device has made for a challenge of `beginPasskey`."""

    token: Token
    credential: Credential
    name: Name = "Passkey"


class PasskeySignIn(Command):
    """What a device has signed for a challenge of `beginPasskeySignIn`."""

    token: Token
    credential: Credential


class PasskeyEdit(Command):
    """What to call a passkey."""

    passkey_id: Annotated[ObjectId, Ref("Passkey")]
    name: Name


class PasskeyChoice(Command):
    """One of one's passkeys."""

    passkey_id: Annotated[ObjectId, Ref("Passkey")]


@dataclass(slots=True)
class PasskeyChallenge(Value):
    """What to hand to the browser, as JSON, and the token with which its answer has to come, once, within 5 minutes."""

    token: str
    options: str


async def begin(actor: Actor) -> PasskeyChallenge:
    """Ask the actor's device for a new passkey. Raises AddressUnproved and TooManyPasskeys."""
    user = await ways.may_add(actor)
    known = await Passkey.select(actor)
    if len(known) >= MAX_PASSKEYS:
        raise TooManyPasskeys("You have {most} passkeys: remove one first.", most=MAX_PASSKEYS)
    return await _challenge(actor.user_id, *authenticators.registration(user, known))


async def begin_sign_in() -> PasskeyChallenge:
    """Ask whoever is there for one of their passkeys."""
    return await _challenge(None, *authenticators.question())


async def _challenge(user_id: ObjectId | None, challenge: bytes, options: str) -> PasskeyChallenge:
    token = await tickets.issue(Purpose.PASSKEY, user_id, {"challenge": challenge}, LIFETIME)
    return PasskeyChallenge(token, options)


async def add(actor: Actor, new: NewPasskey) -> Passkey:
    """Keep what the actor's device has made. Raises TicketOver, BadPasskey and PasskeyKnown."""
    assert actor.user_id
    ticket = await tickets.redeem(Purpose.PASSKEY, new.token)
    if ticket.user_id != actor.user_id:
        raise BadPasskey("This challenge was made for somebody else.", path=["input", "token"])
    made = authenticators.made(new.credential, ticket.data["challenge"])
    passkey = PasskeyDocument(
        user_id=actor.user_id,
        name=new.name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        synchronized=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        created_at=now(),
    )
    told = PasskeyAdded(actor, user=actor.user_id, passkey=passkey.id)
    try:
        return await changes.insert(passkey, told)
    except DuplicateKeyError:
        raise PasskeyKnown("This passkey is known already.", path=["input", "credential"]) from None


async def sign_in(given: PasskeySignIn, device: Device) -> SignedIn:
    """Open a session for whose passkey it is. Raises TicketOver, and BadPasskey whatever is wrong with it."""
    ticket = await tickets.redeem(Purpose.PASSKEY, given.token)
    if ticket.user_id is not None:
        raise authenticators.refusal()
    passkey = await authenticators.used(given.credential, ticket.data["challenge"])
    user = await User.require(PLATFORM, passkey.user_id)
    return await sessions.begin(user, device, Proof(2, now()))


async def rename(actor: Actor, edit: PasskeyEdit) -> Passkey:
    """Call a passkey something else. Raises NotFound."""
    mine = Passkey.within(actor, _id=edit.passkey_id)
    return _there(await changes.change(Passkey, mine, {"$set": {"name": edit.name}}))


@changes.atomic
async def remove(actor: Actor, choice: PasskeyChoice) -> Passkey:
    """Let a passkey be worth nothing. Raises NotFound, and LastWay when the actor could not sign in without it."""
    assert actor.user_id
    passkey = _there(await Passkey.lookup(actor, _id=choice.passkey_id))
    await ways.take_one(actor.user_id)
    told = PasskeyRemoved(actor, user=actor.user_id, passkey=passkey.id)
    return _there(await changes.remove(Passkey, Passkey.within(actor, _id=passkey.id), told))


async def find(actor: Actor, id: ObjectId) -> Passkey | None:
    return await Passkey.lookup(actor, _id=id)


def _there(passkey: Passkey | None) -> Passkey:
    if passkey is None:
        raise NotFound("There is no such Passkey.", path=["input", "passkeyId"])
    return passkey
