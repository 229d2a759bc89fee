from bson import ObjectId

from app.core.actor import Actor
from app.models import GRANTS, Organization, Role, User
from app.services.organizations import invitations, organizations
from tests.factories.identity import make_user


async def make_organization(owner: User | None = None, *, name: str = "Birch School") -> Organization:
    """An organization, owned by a new person unless one is given."""
    owner = owner or await make_user("Olivia Owens")
    return await organizations.create(Actor(user_id=owner.id), organizations.NewOrganization(name=name))


async def make_owner(name: str = "Olivia Owens") -> Actor:
    """A new person with a new organization, signed in."""
    user = await make_user(name)
    organization = await make_organization(user)
    return acting(user.id, organization.id, Role.OWNER)


async def make_member(
    organization_id: ObjectId, role: Role = Role.MEMBER, *, name: str = "Ada Lovelace", user: User | None = None
) -> Actor:
    """A person, new unless given, with a place in the organization, signed in."""
    user = user or await make_user(name)
    await invitations.join(Actor(organization_id, user.id), role)
    return acting(user.id, organization_id, role)


def acting(user_id: ObjectId, organization_id: ObjectId, role: Role = Role.MEMBER) -> Actor:
    """A person signed in, with a new session, to an organization in which they have the role."""
    return Actor(organization_id, user_id, ObjectId(), frozenset(GRANTS[role]))
