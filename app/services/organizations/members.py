"""The people of an organization and their places in it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import model_validator

from app.core import changes, quotas
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.machines import Availability, Machine, Transition, lacks
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.core.words import Words, words
from app.models import GRANTS, Membership, MembershipState, Organization, Permission, Role, User, permissions_of
from app.models.organizations.events import MembershipChanged
from app.services.organizations import roles
from app.services.organizations.roles import BuiltIn, RoleAbove, RoleId, outranks
from app.services.organizations.seats import SEATS

NEEDS_OWNER = words("The organization needs an owner: make another member one first.")
ACTIVE, SUSPENDED, LEFT = MembershipState.ACTIVE, MembershipState.SUSPENDED, MembershipState.LEFT


class LastOwner(Conflict):
    """An organization always has an active owner."""

    code = "LAST_OWNER"


class MemberAction(Command):
    """A member of the organization."""

    user_id: Annotated[ObjectId, Ref("User", place="Member")]


class RoleChange(MemberAction):
    """A member, and the role to give them: a built-in or a custom one."""

    role: BuiltIn | None = None
    custom_role_id: RoleId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.role is None) is (self.custom_role_id is None):
            raise ValueError(words("Name one role, built-in or custom."))
        return self


def _managing(actor: Actor, row: Membership) -> Words | None:
    if not actor.can(Permission.MEMBERS_MANAGE):
        return lacks(Permission.MEMBERS_MANAGE)
    if row.user_id == actor.user_id:
        return words("One cannot do this to oneself.")
    return None if outranks(actor, permissions_of(row)) else words("Their role is above yours.")


def _oneself(actor: Actor, row: Membership) -> Words | None:
    return None if row.user_id == actor.user_id else words("Only the person decides this.")


MEMBERSHIP = Machine(
    Transition("suspend", frozenset({ACTIVE}), SUSPENDED, _managing),
    Transition("reinstate", frozenset({SUSPENDED}), ACTIVE, _managing),
    Transition("remove", frozenset({ACTIVE, SUSPENDED}), LEFT, _managing),
    Transition("leave", frozenset({ACTIVE}), LEFT, _oneself),
)


async def newest(actor: Actor, page: PageArgs) -> Page[Membership]:
    """Those who belong to the organization; not those who left."""
    return await Membership.page(actor, page, {"state": {"$ne": LEFT.value}})


async def find(actor: Actor, user_id: ObjectId) -> Membership | None:
    return await Membership.lookup(actor, user_id=user_id)


async def by_id(actor: Actor, id: ObjectId) -> Membership | None:
    return await Membership.lookup(actor, _id=id)


async def active_ids(actor: Actor, user_ids: list[ObjectId]) -> set[ObjectId]:
    """Which of these people are active members of the organization."""
    where = {"user_id": {"$in": user_ids}, "state": ACTIVE.value}
    return {row.user_id for row in await Membership.select(actor, where, fields=frozenset({"user_id"}))}


async def owners(actor: Actor) -> list[User]:
    """The people who own the organization, those too who are kept out of it."""
    places = await Membership.select(actor, {"role": Role.OWNER.value, "state": {"$ne": LEFT.value}})
    return await User.select(actor, {"_id": {"$in": [place.user_id for place in places]}})


async def holders(actor: Actor, permission: Permission) -> list[User]:
    """The active members who have a permission."""
    roles = [role.value for role, granted in GRANTS.items() if permission in granted]
    having = {"$or": [{"role": {"$in": roles}}, {"granted": permission.value}], "state": ACTIVE.value}
    places = await Membership.select(actor, having, fields=frozenset({"user_id"}))
    return await User.select(actor, {"_id": {"$in": [place.user_id for place in places]}})


def available(actor: Actor, row: Membership, sole_owner: ObjectId | None) -> list[Availability]:
    """What may happen to a place; one that would leave the organization without an owner is blocked."""
    found = MEMBERSHIP.available(actor, row)
    if row.user_id != sole_owner:
        return found
    kept = {name for name, transition in MEMBERSHIP.transitions.items() if transition.target is ACTIVE}
    return [
        one if one.name in kept or not one.allowed else replace(one, allowed=False, blocked_reason=NEEDS_OWNER)
        for one in found
    ]


async def sole_owners(
    actor: Actor, organization_ids: Iterable[ObjectId], fields: Names | None
) -> dict[ObjectId, ObjectId]:
    """The owner of each organization that has one only; one who has just accepted does not work in theirs yet."""
    found = dict[ObjectId, ObjectId]()
    for id in organization_ids:
        active = {"role": Role.OWNER.value, "state": ACTIVE.value}
        owners = await Membership.select(Actor.platform(id), active, limit=2)
        if len(owners) == 1:
            found[id] = owners[0].user_id
    return found


@changes.atomic
async def move(actor: Actor, user_id: ObjectId, transition: str) -> Membership:
    """Take a transition of MEMBERSHIP. Raises NotFound, Forbidden, IllegalTransition or LastOwner."""
    row = await Membership.lookup(actor, user_id=user_id)
    if row is None:
        raise NotFound("There is no such member.")
    target = MEMBERSHIP.transitions[transition].target
    told = MembershipChanged(actor, user=user_id, state=target.value, role=row.role.value, granted=row.granted)
    if target is LEFT:
        await quotas.free(actor, SEATS)
    where = {"organization_id": actor.organization_id}
    moved = await MEMBERSHIP.move(actor, row, transition, told, where=where)
    if row.role is Role.OWNER and target is not ACTIVE:
        await _keep_an_owner(actor)
    return moved


@changes.atomic
async def change_role(actor: Actor, change: RoleChange) -> Membership:
    """Give a member another role. Raises NotFound, Forbidden or LastOwner."""
    row = await Membership.lookup(actor, user_id=change.user_id, state=ACTIVE.value)
    if row is None:
        raise NotFound("There is no such member.", path=["input", "userId"])
    new = await roles.holding(actor, change.role, change.custom_role_id, ["input", "customRoleId"])
    if not (outranks(actor, permissions_of(row)) and outranks(actor, new.permissions)):
        raise RoleAbove("One cannot give or take a role above one's own.", path=["input", "role"])
    told = MembershipChanged(
        actor, user=row.user_id, state=row.state.value, role=new.role.value, granted=list(new.granted)
    )
    where = Membership.within(actor, _id=row.id, role=row.role.value, state=ACTIVE.value)
    given = {"$set": {**new.columns, "changed_at": now()}}
    changed = await changes.change(Membership, where, given, told)
    assert changed, "the scope read it in the same snapshot"
    if row.role is Role.OWNER and new.role is not Role.OWNER:
        await _keep_an_owner(actor)
    return changed


async def close(actor: Actor, limit: int) -> int:
    """Keep out up to `limit` of those who have an active place, and answer how many; `reopen` knows them."""
    return await _shift(actor, {"state": ACTIVE.value}, SUSPENDED, limit)


async def reopen(actor: Actor, limit: int) -> int:
    """Let back in up to `limit` of those whom `close` kept out, and answer how many."""
    return await _shift(actor, {"state": SUSPENDED.value, "closed": True}, ACTIVE, limit)


async def _shift(actor: Actor, where: Mapping[str, Any], state: MembershipState, limit: int) -> int:
    rows = await Membership.select(actor, where, limit=limit)
    for row in rows:
        told = MembershipChanged(actor, user=row.user_id, state=state.value, role=row.role.value, granted=row.granted)
        set = {"state": state.value, "closed": state is SUSPENDED, "changed_at": now()}
        await changes.change(Membership, Membership.within(actor, where, _id=row.id), {"$set": set}, told)
    return len(rows)


async def _keep_an_owner(actor: Actor) -> None:
    # Touching the organization makes two owners who leave at once conflict: each alone would see the other stay.
    await changes.change(Organization, {"_id": actor.organization_id}, {"$inc": {"place_changes": 1}})
    if not await Membership.lookup(actor, role=Role.OWNER.value, state=ACTIVE.value):
        raise LastOwner(NEEDS_OWNER)
