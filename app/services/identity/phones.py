"""Phone numbers: proving that one's own is one's own, by a code in a text message."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

import phonenumbers
from bson import ObjectId
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from pydantic import Field

from app.core import changes, keyring, throttles
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import Invalid, Unavailable
from app.core.rows import Value
from app.integrations import twilio
from app.models import Credential, Purpose, Ticket
from app.models.identity.credentials import Phone
from app.models.identity.events import TextAsked
from app.services.identity import attempts, second_factors, tickets, users
from app.services.identity.challenges import TRIES, WrongCode
from app.services.identity.second_factors import FactorRemoved, NoFactor, RecoveryCodes
from app.services.identity.tickets import TicketOver

PLATFORM = Actor.platform()
LIFETIME = timedelta(minutes=10)
TEXTS, STRETCH = 3, 15 * 60
TEXTS_DAILY, DAY = 10, 24 * 3600
"""Text messages to one number, and on one person's behalf, whoever asks: each costs money."""
_KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class BadPhoneNumber(Invalid):
    """Not the number of a mobile phone anywhere, with the country in front: +49151..."""

    code = "BAD_PHONE_NUMBER"


class NoTexts(Unavailable):
    """This Atrium sends no text messages."""

    code = "NO_TEXT_MESSAGES"


class NewPhone(Command):
    """A number that gets text messages."""

    number: Annotated[str, Field(max_length=40, description="With the country in front: +49 151 23456789.")]


class PhoneCode(Command):
    """The code in a text message."""

    token: Annotated[str, Field(max_length=200, repr=False)]
    code: Annotated[str, Field(max_length=20, repr=False)]


class TextOf(Command):
    """A challenge that is to be answered by a text message."""

    token: Annotated[str, Field(max_length=200, repr=False, description="The challenge's.")]


@dataclass(slots=True)
class TextSent(Value):
    """A text message with a code is on its way; `token` is for the answer, `number` all but hidden."""

    token: str
    number: str


async def begin(actor: Actor, given: NewPhone) -> TextSent:
    """Send a code to a number, which counts once it is confirmed. Raises BadPhoneNumber, NoTexts or Throttled."""
    user, number = await users.me(actor), _normal(given.number)
    await _allow(number, user.id)
    token = await _begin(actor, user.id, number)
    return TextSent(token, _hidden(number))


@changes.atomic
async def _begin(actor: Actor, user_id: ObjectId, number: str) -> str:
    ticket = await tickets.make(Purpose.PHONE, user_id, {"number": number}, LIFETIME)
    changes.emit(TextAsked(actor, user=user_id, ticket=ticket.id))
    return tickets.token(Purpose.PHONE, ticket.id)


async def confirm(actor: Actor, given: PhoneCode, address: str) -> RecoveryCodes:
    """Let the number be the person's, and a second factor. Raises TicketOver, WrongCode or Throttled."""
    user = await users.me(actor)
    ticket = await tickets.attempt(Purpose.PHONE, given.token, TRIES)
    if ticket.user_id != user.id:
        raise TicketOver
    async with attempts.guess(user.email, address):
        if not tickets.is_code(ticket, given.code):
            raise WrongCode("That is not the code.", path=["input", "code"])
    return await _confirm(user.id, given.token)


@changes.atomic
async def _confirm(user_id: ObjectId, token: str) -> RecoveryCodes:
    ticket = await tickets.redeem(Purpose.PHONE, token)
    phone = asdict(Phone(await keyring.seal(keyring.person(user_id), ticket.data["number"])))
    await changes.change(Credential, {"_id": user_id}, {"$set": {"phone": phone}})
    return await second_factors.added(user_id)


@changes.atomic
async def remove(actor: Actor) -> FactorRemoved:
    """Let the number be no second factor any more, and forget it. Raises NoFactor."""
    where = {"_id": actor.user_id, "phone": {"$ne": None}}
    credential = await changes.change(Credential, where, {"$set": {"phone": None}})
    if credential is None:
        raise NoFactor("You have no phone number.")
    return await second_factors.removed(credential)


async def text(given: TextOf) -> TextSent:
    """Send the code that answers a challenge. Raises TicketOver, NoTexts or Throttled."""
    try:
        ticket = await tickets.find(Purpose.SECOND_FACTOR, given.token)
    except TicketOver:
        ticket = await tickets.find(Purpose.STEP_UP, given.token)
    number = await number_of(ticket)
    if number is None or ticket.user_id is None:
        raise TicketOver
    await _allow(number, ticket.user_id)
    await changes.tell(TextAsked(Actor(user_id=ticket.user_id), user=ticket.user_id, ticket=ticket.id))
    return TextSent(given.token, _hidden(number))


async def number_of(ticket: Ticket) -> str | None:
    """Where the code of a ticket goes."""
    if ticket.purpose is Purpose.PHONE:
        number: str = ticket.data["number"]
        return number
    credential = await Credential.lookup(PLATFORM, _id=ticket.user_id)
    return await credential.phone.number.text() if credential and credential.phone else None


async def deliver(event: TextAsked) -> None:
    """Send the code of a ticket, unless its time is over."""
    ticket = await tickets.good(event.ticket)
    number = await number_of(ticket) if ticket else None
    if ticket is not None and number is not None:
        await twilio.send(number, f"{tickets.code(ticket.id)} is your code for Atrium. Give it to nobody.")


def _normal(given: str) -> str:
    """The number in E.164. Raises BadPhoneNumber."""
    try:
        number = phonenumbers.parse(given, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _KINDS:
        raise BadPhoneNumber("That is no mobile number, with the country in front.", path=["input", "number"])
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _hidden(number: str) -> str:
    return f"{'*' * (len(number) - 2)}{number[-2:]}"


async def _allow(number: str, user_id: ObjectId) -> None:
    if not twilio.configured():
        raise NoTexts("Text messages cannot be sent here.")
    for key in (number, str(user_id)):
        await throttles.spend("texts a day", key, TEXTS_DAILY, DAY)
        await throttles.spend("texts", key, TEXTS, STRETCH)
