"""People, as their fellow members see them and as they see themselves."""

from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.models import User
from app.models.identity.events import ProfileChanged
from app.services.identity.accounts import Name


class ProfileEdit(Command):
    """What to change of one's profile; what is left out stays."""

    name: Name | None = None
    shows_presence: Annotated[bool | None, Field(description="Whether others see when you are online.")] = None
    expected_version: int | None = None


async def me(actor: Actor) -> User:
    user = await User.lookup(Actor(user_id=actor.user_id))
    if user is None:
        raise NotFound("There is no such User.")
    return user


async def find(actor: Actor, id: ObjectId) -> User | None:
    return await User.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[User]:
    """The people of the organization."""
    return await User.page(actor, page)


async def edit(actor: Actor, edit: ProfileEdit) -> User:
    """Change one's own profile. Raises VersionConflict."""
    set = {n: v for n, v in edit.model_dump(exclude_unset=True, exclude={"expected_version"}).items() if v is not None}
    told = ProfileChanged(actor, user=actor.user_id)  # type: ignore[arg-type]
    return await changes.edit(User, {"_id": actor.user_id}, set, told, expected_version=edit.expected_version)
