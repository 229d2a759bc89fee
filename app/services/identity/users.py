"""People, as their fellow members see them and as they see themselves."""

from typing import Annotated

from bson import ObjectId
from pydantic import Field, StringConstraints
from pymongo.errors import DuplicateKeyError

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import Conflict, NotFound
from app.core.paging import Page, PageArgs
from app.core.regions import Currency, Locale, TimeZone
from app.models import User
from app.models.identity.events import ProfileChanged
from app.services.identity.accounts import Name

Handle = Annotated[
    str,
    StringConstraints(to_lower=True),
    Field(pattern=r"^[A-Za-z0-9](?:_?[A-Za-z0-9]){2,29}$"),
]


class HandleTaken(Conflict):
    code = "HANDLE_TAKEN"


class ProfileEdit(Command):
    """What to change of one's profile; what is left out stays."""

    name: Name | None = None
    handle: Annotated[
        Handle | None, Field(description="3 to 30 letters, digits and single underscores; null for none.")
    ] = None
    bio: Annotated[str | None, Field(max_length=500)] = None
    locale: Locale | None = None
    time_zone: TimeZone | None = None
    currency: Currency | None = None
    shows_presence: Annotated[bool | None, Field(description="Whether others see when you are online.")] = None
    expected_version: int | None = None


async def me(actor: Actor) -> User:
    user = await User.lookup(Actor(user_id=actor.user_id))
    if user is None:
        raise NotFound("There is no such {kind}.", kind="User")
    return user


async def find(actor: Actor, id: ObjectId) -> User | None:
    return await User.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[User]:
    """The people of the organization."""
    return await User.page(actor, page)


async def edit(actor: Actor, edit: ProfileEdit) -> User:
    """Change one's own profile. Raises VersionConflict or HandleTaken."""
    sent = edit.model_dump(exclude_unset=True, exclude={"expected_version"})
    set = {n: v for n, v in sent.items() if v is not None or n == "handle"}
    told = ProfileChanged(actor, user=actor.user_id)  # type: ignore[arg-type]
    try:
        return await changes.edit(User, {"_id": actor.user_id}, set, told, expected_version=edit.expected_version)
    except DuplicateKeyError:
        raise HandleTaken("Somebody has this handle: choose another.", path=["input", "handle"]) from None
