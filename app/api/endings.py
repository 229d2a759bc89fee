"""What ends credentials: from events of the log to those who are meant."""

from collections.abc import Callable, Mapping

from app.core.actor import Actor
from app.core.changes import Change, Event
from app.models import DUTIES, GRANTS, KeyState, MembershipState, Role, StaffRole
from app.models.identity.events import ApiKeyChanged, SessionEnded, SessionsEnded, StaffChanged
from app.models.organizations.events import (
    MembershipChanged,
    NetworkRulesChanged,
    OrganizationReinstated,
    OrganizationSuspended,
    RoleChanged,
    RoleRemoved,
)

Meant = Callable[[Actor], bool]


def _session(change: Change) -> Meant:
    session, user = change.data["session"], change.data["user"]
    return lambda actor: actor.session_id == session or actor.behind_id == user


def _sessions(change: Change) -> Meant:
    user, kept = change.data["user"], change.data["kept"]
    return lambda actor: (actor.user_id == user and actor.session_id != kept) or actor.behind_id == user


def _place(change: Change) -> Meant:
    """A token that was looked up after the change, and before it was heard of, says already what the change says."""
    meant, data = (change.data["user"], change.organization_id), change.data
    granted = GRANTS[Role(data["role"])] | frozenset(data.get("granted", ()))
    lost = data["state"] != MembershipState.ACTIVE
    return lambda actor: (actor.user_id, actor.organization_id) == meant and (lost or actor.permissions != granted)


def _role(change: Change) -> Meant:
    """Who has the role is known by what they may do; others who happen to may do just that are asked again too."""
    before, after = frozenset(change.data["before"]), frozenset(change.data["after"])
    meant = change.organization_id
    return lambda actor: before != after and actor.organization_id == meant and actor.permissions == before


def _organization(change: Change) -> Meant:
    return lambda actor: actor.organization_id == change.organization_id


def _staff(change: Change) -> Meant:
    meant, staff = change.data["user"], change.data["staff"]
    duties = DUTIES[StaffRole(change.data.get("role", StaffRole.ADMIN))] if staff else frozenset()
    return lambda actor: (
        actor.behind_id == meant or (actor.user_id == meant and (actor.staff is not staff or actor.duties != duties))
    )


def _key(change: Change) -> Meant:
    meant, good = change.data["key"], change.data["state"] == KeyState.ACTIVE
    return lambda actor: not good and actor.key_id == meant


ENDINGS: Mapping[type[Event], Callable[[Change], Meant]] = {
    SessionEnded: _session,
    SessionsEnded: _sessions,
    MembershipChanged: _place,
    RoleChanged: _role,
    RoleRemoved: _role,
    NetworkRulesChanged: _organization,
    OrganizationSuspended: _organization,
    OrganizationReinstated: _organization,
    StaffChanged: _staff,
    ApiKeyChanged: _key,
}
