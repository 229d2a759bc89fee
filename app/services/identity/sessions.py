"""Sign-ins: opening, carrying on and ending them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from bson import ObjectId
from pydantic import EmailStr, Field, StringConstraints

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Invalid, NotFound, Unauthenticated
from app.core.rows import Value
from app.models import (
    GRANTS,
    Credential,
    Membership,
    MembershipState,
    Session,
    SessionDocument,
    User,
)
from app.models.identity.events import SessionEnded, SessionStarted
from app.services.identity import passwords, tokens

PLATFORM = Actor.platform()


class WrongCredentials(Invalid):
    """The address and the password do not belong together, or there is no such account: which, is not told."""

    code = "WRONG_CREDENTIALS"


class SessionOver(Invalid):
    """The refresh token is not good any more: sign in again."""

    code = "SESSION_OVER"


class SignIn(Command):
    """An address and its password."""

    email: EmailStr
    password: Annotated[str, StringConstraints(max_length=200, strip_whitespace=False), Field(repr=False)]


class Refresh(Command):
    """The newest refresh token of a session."""

    refresh_token: Annotated[str, Field(max_length=300, repr=False)]


class Switch(Command):
    """The organization to work in from now on."""

    organization_id: Annotated[ObjectId, Ref("Organization")]


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody signs in, as they say."""

    agent: str
    address: str


@dataclass(slots=True)
class SignedIn(Value):
    """A sign-in's tokens. The access token ends at `expires_at`; the refresh token gets the next one, once.

    There is no refresh token where the session goes on with the one that its client has.
    """

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    user: User
    organization_id: ObjectId | None


@dataclass(slots=True)
class SignedOut(Value):
    """What signing out did; not `ended` when the session was over before."""

    ended: bool


async def sign_in(given: SignIn, device: Device) -> SignedIn:
    """Raises WrongCredentials, after the same work whether or not there is such an account."""
    user = await User.lookup(PLATFORM, email=given.email.lower())
    credential = await Credential.lookup(PLATFORM, _id=user.id) if user else None
    if not await passwords.matches(given.password, credential.password_hash if credential else None) or user is None:
        raise WrongCredentials("The e-mail address or the password is wrong.", path=["input"])
    membership = await place_of(user)
    moment = now()
    session = SessionDocument(
        user_id=user.id,
        organization_id=membership.organization_id if membership else None,
        agent=device.agent[:300],
        address=device.address,
        created_at=moment,
        used_at=moment,
        expires_at=moment + tokens.session_end(),
    )
    await changes.insert(session, SessionStarted(Actor(user_id=user.id), user=user.id, session=session.id))
    return await _tokens(session, user)


async def refresh(given: Refresh, device: Device) -> SignedIn:
    """The next tokens of the session. Raises SessionOver; a token that was used before ends its whole session."""
    try:
        id, generation = tokens.refreshed(given.refresh_token)
    except Unauthenticated:
        raise SessionOver("Sign in again.", path=["input", "refreshToken"]) from None
    moment = now()
    session = await changes.change(
        Session,
        {"_id": id, "generation": generation, "ended_at": None, "expires_at": {"$gt": moment}},
        {
            "$inc": {"generation": 1},
            "$set": {
                "used_at": moment,
                "expires_at": moment + tokens.session_end(),
                "agent": device.agent[:300],
                "address": device.address,
            },
        },
    )
    if session is None:
        replayed = await Session.lookup(PLATFORM, {"generation": {"$gt": generation}}, _id=id, ended_at=None)
        if replayed is not None and not changes.rehearsing():
            await changes.apart(lambda: _end(replayed, "replayed"))  # the refusal below must not take it back
        raise SessionOver("Sign in again.", path=["input", "refreshToken"])
    user = await User.require(PLATFORM, session.user_id)
    if session.organization_id and await _active(user.id, session.organization_id) is None:
        membership = await place_of(user)
        session = await _move(session, membership.organization_id if membership else None)
    return await _tokens(session, user)


async def sign_out(actor: Actor) -> SignedOut:
    """End the session: its tokens and sockets are worth nothing from here on."""
    session = await Session.lookup(actor, _id=actor.session_id)
    return SignedOut(session is not None and await _end(session, "signed_out"))


async def switch(actor: Actor, to: Switch) -> SignedIn:
    """Tokens for another organization of the person. Raises NotFound when they have no active place there."""
    session = await Session.lookup(actor, _id=actor.session_id, ended_at=None)
    if session is None or await _active(session.user_id, to.organization_id) is None:
        raise NotFound("There is no such Organization.", path=["input", "organizationId"])
    session = await _move(session, to.organization_id)
    signed_in = await _tokens(session, await User.require(PLATFORM, session.user_id))
    return replace(signed_in, refresh_token=None)  # an access token, if stolen, must not become a lasting one


async def actor_of(claims: tokens.Claims) -> Actor:
    """Who a verified token speaks for now. Raises Unauthenticated when the session is over or the place is lost."""
    session = await Session.lookup(PLATFORM, _id=claims.session_id, user_id=claims.user_id, ended_at=None)
    if session is None:
        raise Unauthenticated("The session is over: sign in again.")
    user = await User.lookup(PLATFORM, _id=claims.user_id, fields=frozenset({"staff"}))
    actor = Actor(None, claims.user_id, claims.session_id, staff=user is not None and user.staff)
    if claims.organization_id is None:
        return actor
    membership = await _active(claims.user_id, claims.organization_id)
    if membership is None:
        raise Unauthenticated("You are not a member of this organization any more: refresh the session.")
    return replace(actor, organization_id=claims.organization_id, permissions=frozenset(GRANTS[membership.role]))


async def _tokens(session: Session, user: User) -> SignedIn:
    organization_id = session.organization_id
    access, expires_at = tokens.access(user.id, session.id, organization_id)
    return SignedIn(access, tokens.refresh(session.id, session.generation), expires_at, user, organization_id)


async def _active(user_id: ObjectId, organization_id: ObjectId) -> Membership | None:
    inside = Actor.platform(organization_id)
    return await Membership.lookup(inside, user_id=user_id, state=MembershipState.ACTIVE.value)


async def place_of(user: User) -> Membership | None:
    """Where a person starts: the organization they used last, else the first that has them."""
    where = {"user_id": user.id, "state": MembershipState.ACTIVE.value}
    places = await Membership.select(PLATFORM, where)
    return next((p for p in places if p.organization_id == user.last_organization_id), places[0] if places else None)


async def _move(session: Session, organization_id: ObjectId | None) -> Session:
    moved = await changes.change(Session, {"_id": session.id}, {"$set": {"organization_id": organization_id}})
    await changes.change(User, {"_id": session.user_id}, {"$set": {"last_organization_id": organization_id}})
    if moved is None:
        raise SessionOver("Sign in again.")
    return moved


async def _end(session: Session, reason: str) -> bool:
    ended = SessionEnded(Actor(user_id=session.user_id), user=session.user_id, session=session.id, reason=reason)
    where = {"_id": session.id, "ended_at": None}
    return await changes.change(Session, where, {"$set": {"ended_at": now()}}, ended) is not None
