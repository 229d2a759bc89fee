"""Choosing another password: with the one before, or by a link for who has forgotten it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import ANONYMOUS, Actor
from app.core.commands import Command
from app.core.rows import Value
from app.models import Credential, Purpose, User
from app.models.identity.events import PasswordChanged, PasswordResetAsked
from app.services.identity import addresses, attempts, passwords, sessions, tickets, users
from app.services.identity.accounts import Email, Password
from app.services.identity.attempts import WrongCredentials
from app.services.identity.passwords import GivenPassword

PLATFORM = Actor.platform()
LIFETIME = timedelta(minutes=30)
"""How long a link to choose a new password is good."""


class ForgottenPassword(Command):
    """The address of the account whose password is forgotten."""

    email: Email


class PasswordReset(Command):
    """The token of the e-mail's link, and the password to have from now on."""

    token: Annotated[str, Field(max_length=200, repr=False)]
    password: Password


class PasswordEdit(Command):
    """The password until now, and the one to have from now on."""

    current_password: GivenPassword
    password: Password


@dataclass(slots=True)
class ResetSent(Value):
    """The answer to every wish for a link: it does not tell whether the address has an account."""

    email: str


@dataclass(slots=True)
class PasswordSet(Value):
    """There is a new password; the sessions until now are over, but for the one that changed it."""

    email: str


async def forget(given: ForgottenPassword, address: str) -> ResetSent:
    """Send a link to choose a new password, if the address has an account. Raises Throttled."""
    await attempts.ask("reset", given.email, address)
    user = await User.lookup(PLATFORM, email=given.email)
    await changes.tell(PasswordResetAsked(ANONYMOUS, user=user.id if user else None))
    return ResetSent(given.email)


async def resetting(user: User) -> str:
    """The token of a new link by which the person can choose a password."""
    return await tickets.issue(Purpose.RESET_PASSWORD, user.id, {"email": user.email}, LIFETIME)


async def reset(given: PasswordReset) -> PasswordSet:
    """Choose a password by a link, which ends every session. Raises TicketOver, WeakPassword or BreachedPassword."""
    ticket = await tickets.find(Purpose.RESET_PASSWORD, given.token)
    assert ticket.user_id
    user = await User.require(PLATFORM, ticket.user_id)
    password_hash = await passwords.chosen(given.password, user.name, user.email)
    return await _reset(given.token, password_hash)


@changes.atomic
async def _reset(token: str, password_hash: str) -> PasswordSet:
    ticket = await tickets.redeem(Purpose.RESET_PASSWORD, token)
    assert ticket.user_id
    await addresses.proved(ticket.user_id, ticket.data["email"])  # who holds the link reads the address
    return await _replace(ticket.user_id, password_hash)


async def change(actor: Actor, given: PasswordEdit, address: str) -> PasswordSet:
    """Choose another password, which ends one's other sessions.

    Raises WrongCredentials, Throttled, WeakPassword or BreachedPassword.
    """
    user = await users.me(actor)
    async with attempts.guess(user.email, address):
        credential = await Credential.lookup(PLATFORM, _id=user.id)
        if not await passwords.matches(given.current_password, credential.password_hash if credential else None):
            raise WrongCredentials("The password is wrong.", path=["input", "currentPassword"])
    password_hash = await passwords.chosen(given.password, user.name, user.email)
    return await _replace(user.id, password_hash, but=actor.session_id)


@changes.atomic
async def _replace(user_id: ObjectId, password_hash: str, *, but: ObjectId | None = None) -> PasswordSet:
    told = PasswordChanged(Actor(user_id=user_id), user=user_id)
    await changes.change(Credential, {"_id": user_id}, {"$set": {"password_hash": password_hash}}, told)
    await sessions.end_all(user_id, "password_changed", but=but)
    await tickets.cancel(user_id, Purpose.RESET_PASSWORD)
    return PasswordSet((await User.require(PLATFORM, user_id)).email)
