"""Roles: what members may do. The built-in ones, and those that an organization puts together itself.

Nobody makes, changes, gives or takes away a role that may do more than they may. A membership holds a copy of what its
custom role allows, so that a member's permissions are known without looking further; both change in one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import AfterValidator, Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.core.words import words
from app.models import (
    GRANTS,
    CustomRole,
    CustomRoleDocument,
    Invitation,
    InvitationState,
    Membership,
    MembershipState,
    Permission,
    Role,
)
from app.models.organizations.events import RoleChanged, RoleCreated, RoleRemoved


class RoleAbove(Forbidden):
    """A role that may do more than the one who gives or takes it."""

    code = "ROLE_ABOVE"


class RoleNameTaken(Conflict):
    code = "ROLE_NAME_TAKEN"


class RoleInUse(Conflict):
    """Members have the role, or are invited to it: say which they get instead."""

    code = "ROLE_IN_USE"


def _built_in(role: Role) -> Role:
    if role is Role.CUSTOM:
        raise ValueError(words("Name the custom role by its id."))
    return role


BuiltIn = Annotated[Role, AfterValidator(_built_in)]
RoleId = Annotated[ObjectId, Ref("CustomRole")]
RoleName = Annotated[str, Field(min_length=1, max_length=40)]
Permissions = Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]


class NewRole(Command):
    """A role to make, of permissions that one has."""

    name: RoleName
    description: Annotated[str, Field(max_length=200)] = ""
    permissions: Permissions


class RoleEdit(Command):
    """What to change of a role; what is left out stays."""

    role_id: RoleId
    name: RoleName | None = None
    description: Annotated[str | None, Field(max_length=200)] = None
    permissions: Permissions | None = None
    expected_version: int | None = None


class RoleRemoval(Command):
    """A role to remove, and the built-in or custom one that they get instead who have it, or are invited to it."""

    role_id: RoleId
    replacement: BuiltIn | None = None
    replacement_id: RoleId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.replacement and self.replacement_id:
            raise ValueError(words("Name one role instead, built-in or custom."))
        return self


@dataclass(frozen=True, slots=True)
class Holding:
    """What a membership says of its role."""

    role: Role
    custom_role_id: ObjectId | None = None
    granted: tuple[str, ...] = ()

    @property
    def permissions(self) -> frozenset[str]:
        return GRANTS[self.role] | frozenset(self.granted)

    @property
    def columns(self) -> dict[str, Any]:
        return {"role": self.role.value, "custom_role_id": self.custom_role_id, "granted": list(self.granted)}


def outranks(actor: Actor, permissions: Iterable[str]) -> bool:
    """Whether the actor has all of these: nobody hands out, or takes from others, more than they have."""
    return actor.system or frozenset(permissions) <= actor.permissions


async def newest(actor: Actor, page: PageArgs) -> Page[CustomRole]:
    """The organization's own roles."""
    return await CustomRole.page(actor, page)


async def find(actor: Actor, id: ObjectId) -> CustomRole | None:
    return await CustomRole.lookup(actor, _id=id)


async def holding(actor: Actor, role: Role | None, id: ObjectId | None, path: list[str]) -> Holding:
    """The role to give, built-in or custom. Raises NotFound. In a scope: what is given stays what it is until then."""
    if role is not None:
        return Holding(role)
    where = CustomRole.within(actor, _id=id)
    given = await changes.change(CustomRole, where, {"$inc": {"handings": 1}})
    if given is None:
        raise NotFound("There is no such CustomRole.", path=path)
    return Holding(Role.CUSTOM, given.id, tuple(given.permissions))


@changes.atomic
async def create(actor: Actor, new: NewRole) -> CustomRole:
    """Put a role together. Raises RoleAbove or RoleNameTaken."""
    assert actor.organization_id
    _must_outrank(actor, new.permissions, "permissions")
    role = CustomRoleDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        name=new.name,
        description=new.description,
        permissions=_sorted(new.permissions),
        created_by_id=actor.user_id,
        created_at=now(),
    )
    same = CustomRole.within(actor, name=role.name)
    stored, created = await changes.insert_once(role, same, RoleCreated(actor, role=role.id))
    if not created:
        raise RoleNameTaken("There is a role “{name}” already.", path=["input", "name"], name=new.name)
    return stored


@changes.atomic
async def edit(actor: Actor, edit: RoleEdit) -> CustomRole:
    """Change a role, for all who have it. Raises NotFound, RoleAbove, RoleNameTaken or VersionConflict."""
    row = await _get(actor, edit.role_id)
    after = row.permissions if edit.permissions is None else _sorted(edit.permissions)
    _must_outrank(actor, {*row.permissions, *after}, "permissions")
    if edit.name is not None and await CustomRole.lookup(actor, {"_id": {"$ne": row.id}}, name=edit.name):
        raise RoleNameTaken("There is a role “{name}” already.", path=["input", "name"], name=edit.name)
    sent = edit.model_dump(include={"name", "description"}, exclude_none=True)
    told = RoleChanged(actor, role=row.id, before=row.permissions, after=after)
    where = CustomRole.within(actor, _id=row.id)
    set = {**sent, "permissions": after}
    edited = await changes.edit(CustomRole, where, set, told, expected_version=edit.expected_version)
    if after != row.permissions:
        await changes.change_all(Membership, _held(actor, row.id), {"$set": {"granted": after}})
    return edited


@changes.atomic
async def remove(actor: Actor, given: RoleRemoval) -> CustomRole:
    """Remove a role; who has it, or is invited to it, gets the other. Raises NotFound, RoleAbove or RoleInUse."""
    row = await _get(actor, given.role_id)
    _must_outrank(actor, row.permissions, "roleId")
    held = _held(actor, row.id)
    invited = Invitation.within(actor, custom_role_id=row.id, state=InvitationState.PENDING.value)
    after: list[str] = []
    if given.replacement or given.replacement_id:
        if given.replacement_id == row.id:
            raise NotFound("There is no such CustomRole.", path=["input", "replacementId"])
        other = await holding(actor, given.replacement, given.replacement_id, ["input", "replacementId"])
        _must_outrank(actor, other.permissions, "replacement")
        after = sorted(other.permissions)
        await changes.change_all(Membership, held, {"$set": {**other.columns, "changed_at": now()}})
        instead = {"role": other.role.value, "custom_role_id": other.custom_role_id, "changed_at": now()}
        await changes.change_all(Invitation, invited, {"$set": instead})
    elif await Membership.lookup(
        actor, custom_role_id=row.id, state={"$ne": MembershipState.LEFT.value}
    ) or await Invitation.lookup(actor, invited):
        raise RoleInUse("Members have this role: say which one they get instead.", path=["input", "replacement"])
    told = RoleRemoved(actor, role=row.id, before=row.permissions, after=after)
    removed = await changes.remove(CustomRole, CustomRole.within(actor, _id=row.id), told)
    assert removed, "the scope read it in the same snapshot"
    return removed


async def _get(actor: Actor, id: ObjectId) -> CustomRole:
    row = await find(actor, id)
    if row is None:
        raise NotFound("There is no such CustomRole.", path=["input", "roleId"])
    return row


def _held(actor: Actor, role_id: ObjectId) -> dict[str, Any]:
    return Membership.within(actor, custom_role_id=role_id)


def _must_outrank(actor: Actor, permissions: Iterable[str], field: str) -> None:
    if not outranks(actor, permissions):
        raise RoleAbove("One cannot make, change or give a role above one's own.", path=["input", field])


def _sorted(permissions: Iterable[Permission]) -> list[str]:
    return sorted({permission.value for permission in permissions})
