"""Challenges: what is asked of somebody who has to prove more, and what they answer."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from bson import ObjectId
from pydantic import Field, StringConstraints

from app.core import changes
from app.core.actor import Actor, Proof
from app.core.clock import now
from app.core.commands import Command
from app.core.errors import AppError, Invalid
from app.core.rows import Value
from app.models import Credential, Passkey, Purpose, Ticket, User
from app.services.identity import attempts, authenticators, passwords, recovery, tickets, totp
from app.services.identity.authenticators import ANSWER, BadPasskey
from app.services.identity.tickets import TicketOver

PLATFORM = Actor.platform()
LIFETIME = timedelta(minutes=10)
TRIES = 5
"""Answers to one challenge."""


class Way(StrEnum):
    """How a challenge can be answered."""

    PASSWORD = "password"  # noqa: S105 - a name
    TOTP = "totp"
    TEXT = "text"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


class WrongCode(Invalid):
    """The code, or the password, is wrong, was used, or is too old: which, is not told."""

    code = "WRONG_CODE"


class SecondFactorRequired(AppError):
    """The password was right; a second factor is needed too. `token` and `ways` are for `completeSignIn`."""

    code = "SECOND_FACTOR_REQUIRED"


class Answer(Command):
    """The answer to a challenge."""

    token: Annotated[str, Field(max_length=200, repr=False, description="The challenge's.")]
    way: Way
    secret: Annotated[
        str,
        StringConstraints(max_length=ANSWER, strip_whitespace=False),
        Field(
            repr=False,
            description="The code of the app, of the text, for recovery, or the password; for a passkey, what the "
            "browser answered: `JSON.stringify(credential)`.",
        ),
    ]


@dataclass(slots=True)
class Challenge(Value):
    """What can be answered in one of `ways`, within ten minutes and five tries.

    `passkey` is for the browser, as JSON, if a passkey is among them.
    """

    token: str
    ways: list[Way]
    passkey: str | None = None


async def second_factor(user_id: ObjectId) -> SecondFactorRequired:
    """The refusal of a person who has proved the first factor only, with which they can go on."""

    async def issue() -> str:
        return await tickets.issue(Purpose.SECOND_FACTOR, user_id, {}, LIFETIME)

    # A refusal takes back what its scope has written, and this one must not; but a rehearsal keeps nothing.
    token = await (issue() if changes.rehearsing() else changes.apart(issue))
    ways = await _ways(user_id)
    return SecondFactorRequired("A second factor is needed too.", token=token, ways=ways)


async def step_up(actor: Actor) -> Challenge:
    """Let the actor prove again who they are: by a passkey, a second factor or, who has none, the password."""
    assert actor.user_id
    ways, passkeys = await _ways(actor.user_id), await Passkey.select(actor)
    if not passkeys:
        return Challenge(await tickets.issue(Purpose.STEP_UP, actor.user_id, {}, LIFETIME), ways or [Way.PASSWORD])
    challenge, options = authenticators.question(passkeys)
    token = await tickets.issue(Purpose.STEP_UP, actor.user_id, {"challenge": challenge}, LIFETIME)
    return Challenge(token, [*(ways or [Way.PASSWORD]), Way.PASSKEY], options)


async def answered(
    purpose: Purpose, given: Answer, address: str, user_id: ObjectId | None = None
) -> tuple[User, Proof]:
    """Who has answered a challenge rightly, and what that proves. Raises TicketOver, WrongCode or Throttled.

    Each answer is counted before it is looked at; the right one uses the challenge up. With `user_id` only their
    challenge is one.
    """
    ticket = await tickets.attempt(purpose, given.token, TRIES)
    if ticket.user_id is None or user_id not in (None, ticket.user_id):
        raise TicketOver
    user = await User.require(PLATFORM, ticket.user_id)
    ways = await _ways(user.id) or [Way.PASSWORD]
    if "challenge" in ticket.data:
        ways.append(Way.PASSKEY)
    async with attempts.guess(user.email, address):
        if given.way not in ways or not await _right(ticket, given):
            raise WrongCode("That is wrong, or was used before.", path=["input", "secret"])
    await tickets.redeem(purpose, given.token)
    return user, Proof(1 if given.way is Way.PASSWORD else 2, now())


async def _ways(user_id: ObjectId) -> list[Way]:
    """The second factors of a person."""
    credential = await Credential.lookup(PLATFORM, _id=user_id)
    if credential is None:
        return []
    ways = factors(credential)
    return [*ways, Way.RECOVERY_CODE] if ways and credential.recovery else ways


def factors(credential: Credential) -> list[Way]:
    """The second factors that count."""
    app = credential.totp is not None and credential.totp.confirmed
    return [*([Way.TOTP] if app else []), *([Way.TEXT] if credential.phone else [])]


async def _right(ticket: Ticket, given: Answer) -> bool:
    assert ticket.user_id
    match given.way:
        case Way.PASSWORD:
            credential = await Credential.lookup(PLATFORM, _id=ticket.user_id)
            return await passwords.matches(given.secret, credential.password_hash if credential else None)
        case Way.TOTP:
            return await totp.take(ticket.user_id, given.secret)
        case Way.TEXT:
            return tickets.is_code(ticket, given.secret)
        case Way.RECOVERY_CODE:
            return await recovery.take(ticket.user_id, given.secret)
        case Way.PASSKEY:
            try:
                passkey = await authenticators.used(given.secret, ticket.data["challenge"])
            except BadPasskey:
                return False
            return passkey.user_id == ticket.user_id
