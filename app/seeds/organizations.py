"""Stores the people of the demonstration data and their organizations."""

import asyncio
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Conflict
from app.models import (
    CredentialDocument,
    Invitation,
    InvitationDocument,
    MembershipDocument,
    Organization,
    OrganizationDocument,
    Role,
    UserDocument,
)
from app.models.identity.events import UserRegistered
from app.models.organizations.events import MemberInvited, MembershipChanged, OrganizationCreated
from app.seeds.moments import id_at
from app.seeds.people import AGE, DEMO, INVITED, PASSWORD, PEOPLE, RIVERSIDE, Place, registered, user_id
from app.services.identity import passwords

PLATFORM = Actor.platform()


async def found() -> datetime:
    """Store the people and their organizations, unless they are there. Answers the anchor of all dates and ids.

    Raises Conflict when the database holds an organization or a person of the same name that was not seeded.
    """
    stored = await Organization.lookup(PLATFORM, slug=DEMO.slug)
    if stored is not None:
        anchor = stored.created_at + AGE
        if stored.id != DEMO.id(anchor):
            raise Conflict(f"There is another organization “{DEMO.slug}” already. Seed an empty database.")
        return anchor
    anchor, hashes = now(), await asyncio.gather(*(passwords.hashed(PASSWORD) for _ in PEOPLE))
    try:
        await _found(anchor, dict(zip(PEOPLE, hashes, strict=True)))
    except DuplicateKeyError:
        raise Conflict("Some of the demonstration's people have accounts already. Seed an empty database.") from None
    return anchor


@changes.atomic
async def _found(anchor: datetime, hashes: dict[str, str]) -> None:
    for key in PEOPLE:
        await _add_person(key, hashes[key], anchor)
    for place in (DEMO, RIVERSIDE):
        await _add_organization(place, anchor)


async def _add_person(key: str, password_hash: str, anchor: datetime) -> None:
    person, id = PEOPLE[key], user_id(key, anchor)
    user = UserDocument(
        id=id,
        email=person.email,
        email_verified_at=registered(key, anchor),
        name=person.name,
        organization_ids=[place.id(anchor) for place in (DEMO, RIVERSIDE) if key in place.roles],
        last_organization_id=DEMO.id(anchor),
        staff=person.staff,
        created_at=registered(key, anchor),
    )
    await changes.insert(user, UserRegistered(Actor(user_id=id), user=id))
    await changes.insert(CredentialDocument(id=id, password_hash=password_hash))


async def _add_organization(place: Place, anchor: datetime) -> None:
    id, founded = place.id(anchor), place.founded(anchor)
    owner = next(key for key, role in place.roles.items() if role is Role.OWNER)
    organization = OrganizationDocument(id=id, name=place.name, slug=place.slug, created_at=founded)
    await changes.insert(organization, OrganizationCreated(Actor(id, user_id(owner, anchor)), organization=id))
    for index, (key, role) in enumerate(place.roles.items()):
        member, joined = user_id(key, anchor), founded + timedelta(minutes=index)
        membership = MembershipDocument(
            id=id_at(joined, f"membership/{place.slug}/{key}"),
            organization_id=id,
            user_id=member,
            role=role,
            created_at=joined,
            changed_at=joined,
        )
        told = MembershipChanged(Actor(id, member), user=member, state=membership.state.value, role=role.value)
        await changes.insert(membership, told)


def _invitation(anchor: datetime) -> InvitationDocument:
    invited = anchor - timedelta(days=1)
    return InvitationDocument(
        id=id_at(invited, "invitation"),
        organization_id=DEMO.id(anchor),
        email=INVITED,
        role=Role.MEMBER,
        invited_by_id=user_id("olivia", anchor),
        created_at=invited,
        changed_at=invited,
    )


async def has_invitation(anchor: datetime) -> bool:
    """Whether the pending invitation was stored, whatever became of it."""
    return await Invitation.lookup(PLATFORM, _id=_invitation(anchor).id) is not None


async def invite(anchor: datetime) -> None:
    """Store the pending invitation."""
    invitation = _invitation(anchor)
    inviter = Actor(invitation.organization_id, invitation.invited_by_id)
    same = Invitation.within(inviter, _id=invitation.id)
    await changes.insert_once(invitation, same, MemberInvited(inviter, invitation=invitation.id))
