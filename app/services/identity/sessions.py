"""Sign-ins: opening, carrying on and ending them."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import EmailStr, Field

from app.core import changes, keyring
from app.core.actor import Actor, Proof
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Invalid, NotFound, Unauthenticated
from app.core.keyring import Sealed, revealed
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.models import (
    DUTIES,
    Credential,
    Duty,
    Membership,
    MembershipState,
    Session,
    SessionDocument,
    User,
    is_suspended,
    permissions_of,
)
from app.models.identity.events import SessionEnded, SessionsEnded, SessionStarted
from app.services.identity import attempts, challenges, passwords, tokens
from app.services.identity.attempts import WrongCredentials
from app.services.identity.passwords import GivenPassword

PLATFORM = Actor.platform()
_STANDING = frozenset({"staff", "staff_role", "second_factor"})
MAX_AGENT = 300
GRACE = timedelta(seconds=10)
"""For which a client whose answer was lost gets the same next refresh token again; a thief wins nothing by it."""


class SessionOver(Invalid):
    """The refresh token is not good any more: sign in again."""

    code = "SESSION_OVER"


class SignIn(Command):
    """An address and its password."""

    email: EmailStr
    password: GivenPassword


class Refresh(Command):
    """The newest refresh token of a session."""

    refresh_token: Annotated[str, Field(max_length=300, repr=False)]


class Switch(Command):
    """The organization to work in from now on."""

    organization_id: Annotated[ObjectId, Ref("Organization")]


class Revocation(Command):
    """A session of one's own to end."""

    session_id: Annotated[ObjectId, Ref("Session")]


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody signs in, as they say."""

    agent: str
    address: str

    async def sealed(self, user_id: ObjectId) -> dict[str, Sealed]:
        """How a session of the person keeps it."""
        owner = keyring.person(user_id)
        return {
            "agent": await keyring.seal(owner, self.agent[:MAX_AGENT]),
            "address": await keyring.seal(owner, self.address),
        }


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


@dataclass(slots=True)
class SessionsRevoked(Value):
    """How many sessions have ended."""

    count: int


async def sign_in(given: SignIn, device: Device) -> SignedIn:
    """Raises WrongCredentials, Throttled or Busy, after the same work whether or not there is such an account."""
    with passwords.place():
        user = await _recognized(given.email.lower(), given.password, device.address)
    return await begin(user, device, Proof(1, now()))


async def _recognized(email: str, password: str, address: str) -> User:
    """Whose address and password these are."""
    async with attempts.guess(email, address):
        user = await User.lookup(PLATFORM, email=email)
        credential = await Credential.lookup(PLATFORM, _id=user.id if user else new_id())
        right = await passwords.matches(password, credential.password_hash if credential else None)
        if user is None or credential is None or not right:
            raise WrongCredentials("The e-mail address or the password is wrong.", path=["input"])
    if (stored := credential.password_hash) and passwords.outdated(stored):
        again = {"$set": {"password_hash": await passwords.hashed(password)}}
        await changes.change(Credential, {"_id": user.id, "password_hash": stored}, again)
    return user


async def begin(user: User, device: Device, proof: Proof) -> SignedIn:
    """Open a session for a person who has proved who they are, in whichever way.

    Raises SecondFactorRequired, outside of any scope, while they have a second factor and have proved the first only.
    """
    if user.second_factor and proof.level < 2:
        raise await challenges.second_factor(user.id)
    membership = await place_of(user)
    moment = now()
    session = SessionDocument(
        user_id=user.id,
        organization_id=membership.organization_id if membership else None,
        **await device.sealed(user.id),
        proof=proof,
        created_at=moment,
        used_at=moment,
        expires_at=moment + tokens.session_end(),
    )
    await changes.insert(session, SessionStarted(Actor(user_id=user.id), user=user.id, session=session.id))
    return await _tokens(session, user)


async def refresh(given: Refresh, device: Device) -> SignedIn:
    """The next tokens of the session. Raises SessionOver; a token that was used before ends its whole session.

    Only its own client may use it again, within GRACE: its answer may have been lost, and it gets the same one again.
    """
    try:
        id, generation = tokens.refreshed(given.refresh_token)
    except Unauthenticated:
        raise SessionOver("Sign in again.", path=["input", "refreshToken"]) from None
    moment = now()
    known = await Session.lookup(PLATFORM, _id=id, fields=frozenset({"user_id"}))
    session = known and await changes.change(
        Session,
        {"_id": id, "generation": generation, "ended_at": None, "expires_at": {"$gt": moment}},
        {
            "$inc": {"generation": 1},
            "$set": {
                "used_at": moment,
                "expires_at": moment + tokens.session_end(),
                **await device.sealed(known.user_id),
            },
        },
    )
    if session is None:
        session = await _repeated(id, generation, device, moment)
    user = await User.require(PLATFORM, session.user_id)
    if session.organization_id and await place_in(user.id, session.organization_id) is None:
        membership = await place_of(user)
        session = await _move(session, membership.organization_id if membership else None)
    return await _tokens(session, user)


async def _repeated(id: ObjectId, generation: int, device: Device, moment: datetime) -> Session:
    """The session, if its own client asks again for what it may not have received; else the token was replayed.

    Raises SessionOver, when the whole session has ended.
    """
    session = await Session.lookup(PLATFORM, {"generation": {"$gt": generation}}, _id=id, ended_at=None)
    if session is not None:
        just_now = session.generation == generation + 1 and moment < session.used_at + GRACE
        if just_now and await revealed(session.agent) == device.agent[:MAX_AGENT]:
            return session
        if not changes.rehearsing():
            await changes.apart(lambda: _end(session, "replayed"))  # the refusal below must not take it back
    raise SessionOver("Sign in again.", path=["input", "refreshToken"])


async def sign_out(actor: Actor) -> SignedOut:
    """End the session: its tokens and sockets are worth nothing from here on."""
    session = await Session.lookup(actor, _id=actor.session_id)
    return SignedOut(session is not None and await _end(session, "signed_out"))


async def raise_proof(actor: Actor, proof: Proof) -> SignedIn:
    """Let the actor's session know that they have proved anew who they are: another access token says so."""
    session = await changes.change(Session, _mine(actor), {"$set": {"proof": asdict(proof)}})
    if session is None:
        raise Unauthenticated("The session is over: sign in again.")
    signed_in = await _tokens(session, await User.require(PLATFORM, session.user_id))
    return replace(signed_in, refresh_token=None)


def _mine(actor: Actor) -> dict[str, Any]:
    return Session.within(actor, going_on(), _id=actor.session_id)


async def find(actor: Actor, id: ObjectId) -> Session | None:
    """A session of the actor's that has not ended."""
    return await Session.lookup(actor, going_on(), _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Session]:
    """The actor's sessions that have not ended."""
    return await Session.page(actor, page, going_on())


async def revoke(actor: Actor, given: Revocation) -> Session:
    """End one of the actor's sessions, with its sockets. Raises NotFound when it is over already."""
    session = await Session.lookup(actor, going_on(), _id=given.session_id)
    if session is None or not await _end(session, "revoked"):
        raise NotFound("There is no such Session.", path=["input", "sessionId"])
    return session


async def revoke_others(actor: Actor) -> SessionsRevoked:
    """End all of the actor's sessions but the one in which they ask."""
    assert actor.user_id
    return SessionsRevoked(await end_all(actor.user_id, "revoked", but=actor.session_id))


@changes.atomic
async def end_all(user_id: ObjectId, reason: str, *, but: ObjectId | None = None) -> int:
    """End every session of a person but one, and answer how many there were."""
    told = SessionsEnded(Actor(user_id=user_id), user=user_id, kept=but, reason=reason)
    where = {"user_id": user_id, "_id": {"$ne": but}, **going_on()}
    return await changes.change_all(Session, where, {"$set": {"ended_at": now()}}, told)


async def switch(actor: Actor, to: Switch) -> SignedIn:
    """Tokens for another organization of the person. Raises NotFound when they have no active place there."""
    session = await Session.lookup(actor, _id=actor.session_id, ended_at=None)
    if session is None or await place_in(session.user_id, to.organization_id) is None:
        raise NotFound("There is no such {kind}.", kind="Organization", path=["input", "organizationId"])
    session = await _move(session, to.organization_id)
    signed_in = await _tokens(session, await User.require(PLATFORM, session.user_id))
    return replace(signed_in, refresh_token=None)  # an access token, if stolen, must not become a lasting one


async def actor_of(claims: tokens.Claims) -> Actor:
    """Who a verified token speaks for now. Raises Unauthenticated when the session is over or the place is lost."""
    session = await Session.lookup(PLATFORM, _id=claims.session_id, user_id=claims.user_id, ended_at=None)
    user = await User.lookup(PLATFORM, _id=claims.user_id, fields=_STANDING)
    if session is None or (session.behind_id and not await _may_act(session, user)):
        raise Unauthenticated("The session is over: sign in again.")
    staff = user is not None and user.staff
    duties = DUTIES[user.staff_role] if user is not None and user.staff else frozenset[str]()
    proof = replace(claims.proof, reach=2 if user is not None and user.second_factor else 1)
    actor = Actor(
        None,
        claims.user_id,
        claims.session_id,
        staff=staff,
        duties=duties,
        proof=proof,
        behind_id=session.behind_id,
    )
    if claims.organization_id is None:
        return actor
    membership = await place_in(claims.user_id, claims.organization_id)
    if membership is None:
        raise Unauthenticated("You are not a member of this organization any more: refresh the session.")
    return replace(
        actor,
        organization_id=claims.organization_id,
        permissions=permissions_of(membership),
        suspended=await is_suspended(claims.organization_id),
    )


async def _may_act(session: Session, user: User | None) -> bool:
    """Whether who acts as the person still may: their own session goes on, and so does their duty."""
    own = await Session.lookup(PLATFORM, going_on(), _id=session.behind_session_id, user_id=session.behind_id)
    behind = await User.lookup(PLATFORM, _id=session.behind_id, fields=_STANDING) if own else None
    may = behind is not None and behind.staff and Duty.IMPERSONATE in DUTIES[behind.staff_role]
    return may and user is not None and not user.staff


def going_on() -> dict[str, Any]:
    """That a session has not ended."""
    return {"ended_at": None, "expires_at": {"$gt": now()}}


async def _tokens(session: Session, user: User) -> SignedIn:
    organization_id = session.organization_id
    access, expires_at = await tokens.access(user.id, session.id, organization_id, session.proof)
    return SignedIn(access, tokens.refresh(session.id, session.generation), expires_at, user, organization_id)


async def place_in(user_id: ObjectId, organization_id: ObjectId) -> Membership | None:
    """A person's active place in an organization."""
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
