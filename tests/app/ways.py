"""Who somebody in a scene is elsewhere."""

from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.clock import now
from tests.world import Person

Arguments = dict[str, Any]


async def identity(person: Person) -> str:
    """The id of an identity of the person."""
    return str((await person.call("linkIdentity", input=await elsewhere(person, link=True)))["id"])


async def elsewhere(person: Person, *, link: bool) -> Arguments:
    """What comes back of a sign-in elsewhere that the person began."""
    assert person.world.elsewhere is not None
    begun = await person.call("beginOAuth", input={**beginning(person), "link": link})
    code, state = person.world.elsewhere.authorize(begun["url"])
    await lasting(person, begun["token"])
    return {"token": begun["token"], "code": code, "state": state}


def beginning(person: Person) -> Arguments:
    return {"provider": "GOOGLE", "redirectUri": f"{person.world.url}/back"}


async def lasting(person: Person, *tokens: str) -> None:
    """Let tickets be good for a day."""
    assert person.world.store is not None
    ids = [ObjectId(token.partition(".")[0]) for token in tokens]
    lasting = {"$set": {"expires_at": now() + timedelta(days=1)}}
    await person.world.store["tickets"].update_many({"_id": {"$in": ids}}, lasting)
