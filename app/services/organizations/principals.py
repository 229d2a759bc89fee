"""Whom one can ask about: people, roles and API keys of an organization, and what each of them may do in it."""

from dataclasses import dataclass, replace

from bson import ObjectId

from app.core.actor import Actor, Proof
from app.core.clock import new_id, now
from app.core.errors import AppError, Forbidden, Unauthenticated
from app.models import (
    KEY_PERMISSIONS,
    ApiKey,
    CustomRole,
    KeyState,
    Membership,
    MembershipState,
    Permission,
    Role,
    is_suspended,
    permissions_of,
)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody as they would act. `role` is what gives them their permissions: the name of a role or of an API key."""

    actor: Actor
    role: str | None = None
    barred: AppError | None = None
    """Why they can do nothing at all at present."""


def is_oneself(actor: Actor, id: str) -> bool:
    """Whether a global id is of who asks."""
    return id in (f"User_{actor.user_id}", f"ApiKey_{actor.key_id}")


def must_manage(actor: Actor) -> None:
    """Raises Forbidden for who may not ask about others."""
    first, second = Permission.MEMBERS_MANAGE, Permission.ROLES_MANAGE
    if not (actor.organization_id and (actor.can(first) or actor.can(second))):
        raise Forbidden(
            "To ask about others takes the permission {permission} or {other}.",
            permission=first.value,
            other=second.value,
        )


async def oneself(actor: Actor) -> Principal:
    """Who asks, with the proof that they have given."""
    if actor.organization_id is None:
        return Principal(actor)
    if actor.key_id:
        key = await ApiKey.lookup(actor, _id=actor.key_id)
        return Principal(actor, key.name if key else None)
    place = await Membership.lookup(actor, user_id=actor.user_id)
    return Principal(actor, await _role(actor, place) if place else None)


async def person(actor: Actor, id: ObjectId) -> Principal | None:
    """A member of the organization, as if they had just proved who they are; what they do elsewhere is not known."""
    place = await Membership.lookup(actor, user_id=id, state={"$ne": MembershipState.LEFT.value})
    if place is None:
        return None
    kept_out = place.state is not MembershipState.ACTIVE
    barred = Forbidden("Their membership is suspended.") if kept_out else None
    as_them = replace(await _inside(actor, permissions_of(place)), user_id=id, proof=Proof(2, now(), 2))
    return Principal(as_them, await _role(actor, place), barred)


async def role(actor: Actor, row: CustomRole) -> Principal:
    """Somebody who has the role, and nobody in particular."""
    nobody = await _inside(actor, frozenset(row.permissions))
    return Principal(replace(nobody, user_id=new_id(), proof=Proof(2, now(), 2)), row.name)


async def key(actor: Actor, row: ApiKey) -> Principal:
    """A program that has the key's secret."""
    over = row.state is not KeyState.ACTIVE or (row.expires_at is not None and row.expires_at <= now())
    program = replace(await _inside(actor, frozenset(row.scopes) & KEY_PERMISSIONS), key_id=row.id)
    return Principal(program, row.name, Unauthenticated("The API key has ended.") if over else None)


async def _inside(actor: Actor, permissions: frozenset[str]) -> Actor:
    assert actor.organization_id
    suspended = await is_suspended(actor.organization_id)
    return Actor(actor.organization_id, permissions=permissions, suspended=suspended)


async def _role(actor: Actor, place: Membership) -> str:
    if place.role is not Role.CUSTOM:
        return place.role.value
    given = await CustomRole.lookup(actor, _id=place.custom_role_id)
    return given.name if given else place.role.value
