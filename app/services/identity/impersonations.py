"""Staff who act as somebody: for a while, for a reason, seen by the person, and only in what says that they may."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import UNPROVEN, Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Forbidden, NotFound
from app.core.rows import Names, Value
from app.models import Session, SessionDocument, User
from app.models.identity.events import ImpersonationBegan, SessionEnded
from app.services.identity import sessions, tokens

PLATFORM = Actor.platform()


class StaffNotImpersonated(Forbidden):
    """Nobody acts as somebody on the staff."""

    code = "STAFF_NOT_IMPERSONATED"


class Impersonation(Command):
    """Whom to act as, in which of their organizations, and why: the person reads the reason."""

    user_id: Annotated[ObjectId, Ref("User")]
    organization_id: Annotated[ObjectId, Ref("Organization")]
    reason: Annotated[str, Field(min_length=1, max_length=300)]


class ImpersonationEnd(Command):
    """A session in which one acts as somebody, or in which somebody acts as oneself."""

    session_id: Annotated[ObjectId, Ref("Session")]


@dataclass(slots=True)
class Impersonated(Value):
    """The only token with which somebody on the staff acts as a person; it ends at `expires_at`, and so does all."""

    access_token: str
    expires_at: datetime
    session_id: ObjectId


async def begin(actor: Actor, given: Impersonation) -> Impersonated:
    """Let somebody on the staff act as a person in an organization, for as long as the settings say.

    Raises NotFound for who has no active place there, and StaffNotImpersonated.
    """
    person = await User.lookup(PLATFORM, _id=given.user_id)
    if person is None or await sessions.place_in(person.id, given.organization_id) is None:
        raise NotFound("There is no such {kind}.", kind="User", path=["input", "userId"])
    if person.staff:
        raise StaffNotImpersonated("Nobody acts as somebody on the staff.", path=["input", "userId"])
    id, moment = new_id(), now()
    token, expires = await tokens.access(person.id, id, given.organization_id, UNPROVEN, behind_id=actor.user_id)
    session = SessionDocument(
        id=id,
        user_id=person.id,
        organization_id=given.organization_id,
        created_at=moment,
        used_at=moment,
        expires_at=expires,
        behind_id=actor.user_id,
        behind_session_id=actor.session_id,
        reason=given.reason,
    )
    there = replace(actor, organization_id=given.organization_id)
    await changes.insert(session, ImpersonationBegan(there, user=person.id, session=id))
    return Impersonated(token, expires, id)


async def end(actor: Actor, given: ImpersonationEnd) -> Session:
    """Let somebody act as a person no more, at once; either of the two can. Raises NotFound."""
    me = actor.behind_id or actor.user_id
    sides = {"$or": [{"user_id": me}, {"behind_id": me}]}
    where = {"_id": given.session_id, "behind_id": {"$ne": None}, **sides, **sessions.going_on()}
    session = await Session.lookup(PLATFORM, where)
    if session is not None:
        there = replace(actor, organization_id=session.organization_id)
        told = SessionEnded(there, user=session.user_id, session=session.id, reason="ended")
        session = await changes.change(Session, where, {"$set": {"ended_at": now()}}, told)
    if session is None:
        raise NotFound("There is no such {kind}.", kind="Session", path=["input", "sessionId"])
    return session


async def names(actor: Actor, ids: Iterable[Any], fields: Names | None) -> dict[Any, str]:
    """What those on the staff who act as the actor are called, wherever they work."""
    rows = await User.by_ids(PLATFORM, [id for id in ids if id], frozenset({"name"}))
    return {id: row.name for id, row in rows.items()}
