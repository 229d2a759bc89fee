"""Becoming somebody: registration."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, EmailStr, Field, StringConstraints

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.rows import Value
from app.core.words import words
from app.models import CredentialDocument, UserDocument
from app.models.identity.events import RegistrationRepeated, UserRegistered
from app.services.identity import attempts, passwords


def _deliverable(address: str) -> str:
    if not address.partition("@")[0].isascii():
        raise ValueError(words("Mail servers do not agree on addresses with such letters before the @."))
    return address.lower()


Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(_deliverable)]
Password = Annotated[
    str,
    StringConstraints(min_length=10, max_length=200, strip_whitespace=False),
    Field(description="10 to 200 characters.", repr=False),
]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class Registration(Command):
    """Who wants an account."""

    email: Email
    password: Password
    name: Name


@dataclass(slots=True)
class Registered(Value):
    """The answer to every registration: it does not tell whether the address had an account."""

    email: str


async def register(actor: Actor, new: Registration, address: str = "") -> Registered:
    """Make an account, unless the address has one: then its owner is told by e-mail and the answer is the same.

    `address` is where on the network the wish comes from. Raises WeakPassword, BreachedPassword or Throttled.
    """
    await attempts.ask("registration", new.email, address)
    password_hash = await passwords.chosen(new.password, new.name, new.email)
    await _create(actor, new, password_hash)
    return Registered(new.email)


@changes.atomic
async def _create(actor: Actor, new: Registration, password_hash: str) -> None:
    user = UserDocument(id=new_id(), email=new.email, name=new.name, created_at=now())
    stored, created = await changes.insert_once(user, {"email": new.email}, UserRegistered(actor, user=user.id))
    if created:
        await changes.insert(CredentialDocument(id=user.id, password_hash=password_hash))
    else:
        changes.emit(RegistrationRepeated(actor, user=stored.id))
