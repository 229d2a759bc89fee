"""Identities: people who are known to somebody else, who signs them in here.

An account is found by a provider's name for the person. It gets that name when the person links it, signed in, or at
the first sign-in by an address that both the provider and we know to be theirs; nothing less links anything.
"""

from typing import Annotated

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor, Proof
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.integrations.oidc import Somebody
from app.models import CredentialDocument, Identity, IdentityDocument, IdentityProvider, User, UserDocument
from app.models.identity.events import IdentityLinked, IdentityUnlinked, UserRegistered
from app.services.identity import sessions, ways
from app.services.identity.sessions import Device, SignedIn

PLATFORM = Actor.platform()
MAX_NAME = 80


class NoVerifiedEmail(Conflict):
    """The provider does not say that the person has an address of their own."""

    code = "NO_VERIFIED_EMAIL"


class EmailNotOurs(Conflict):
    """There is an account with the address, and nobody has proved here that it is theirs."""

    code = "EMAIL_NOT_VERIFIED_HERE"


class IdentityTaken(Conflict):
    """Another account has it."""

    code = "IDENTITY_TAKEN"


class IdentityChoice(Command):
    """One of one's identities."""

    identity_id: Annotated[ObjectId, Ref("Identity")]


async def enter(provider: IdentityProvider, who: Somebody, device: Device) -> SignedIn:
    """Open a session for whom a provider has signed in, making an account or linking the one they have if it must.

    Raises NoVerifiedEmail and EmailNotOurs.
    """
    return await sessions.begin(await _person(provider, who), device, Proof(1, now()))


@changes.atomic
async def _person(provider: IdentityProvider, who: Somebody) -> User:
    known = {"provider": provider.value, "subject": who.subject}
    if identity := await changes.change(Identity, known, {"$set": {"used_at": now()}}):
        return await User.require(PLATFORM, identity.user_id)
    if who.email is None or not who.email_verified:
        raise NoVerifiedEmail("They do not say that you have an address of your own: sign in, then link them.")
    user = await User.lookup(PLATFORM, email=who.email)
    if user is not None and user.email_verified_at is None:
        raise EmailNotOurs("There is an account with this address, which was never verified: sign in, then link them.")
    user = user or await _registered(who.email, who.name)
    await _add(Actor(user_id=user.id), provider, who)
    return user


async def _registered(email: str, name: str | None) -> User:
    moment = now()
    shown = (name or "").strip()[:MAX_NAME] or email.partition("@")[0]
    user = UserDocument(id=new_id(), email=email, email_verified_at=moment, name=shown, created_at=moment)
    await changes.insert(CredentialDocument(id=user.id))
    return await changes.insert(user, UserRegistered(Actor(user_id=user.id), user=user.id))


@changes.atomic
async def link(actor: Actor, provider: IdentityProvider, who: Somebody) -> Identity:
    """Let the actor sign in by it from now on. Raises AddressUnproved and IdentityTaken."""
    await ways.may_add(actor)
    identity, added = await _add(actor, provider, who)
    if not added and identity.user_id != actor.user_id:
        raise IdentityTaken("Another account is linked with it.")
    return identity


async def _add(actor: Actor, provider: IdentityProvider, who: Somebody) -> tuple[Identity, bool]:
    assert actor.user_id
    identity = IdentityDocument(
        user_id=actor.user_id, provider=provider, subject=who.subject, email=who.email, created_at=now()
    )
    told = IdentityLinked(actor, user=actor.user_id, identity=identity.id, provider=provider.value)
    named = {"provider": provider.value, "subject": who.subject}
    return await changes.insert_once(identity, named, told)


@changes.atomic
async def unlink(actor: Actor, choice: IdentityChoice) -> Identity:
    """Let one of the actor's identities be worth nothing. Raises NotFound, and LastWay if it is the only way in."""
    assert actor.user_id
    identity = await Identity.lookup(actor, _id=choice.identity_id)
    if identity is None:
        raise NotFound("There is no such Identity.", path=["input", "identityId"])
    await ways.take_one(actor.user_id)
    told = IdentityUnlinked(actor, user=actor.user_id, identity=identity.id, provider=identity.provider.value)
    await changes.remove(Identity, Identity.within(actor, _id=identity.id), told)
    return identity


async def find(actor: Actor, id: ObjectId) -> Identity | None:
    return await Identity.lookup(actor, _id=id)
