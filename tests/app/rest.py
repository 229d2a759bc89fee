"""When a scene is at rest: its worker has nothing left to do for it."""

from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.jobs import roots
from app.jobs.notifications.nudges import plan_nudges
from tests.app.scenes import Scene
from tests.world import until

KNOWN = [job.type for job in roots.JOBS]
"""Others wait for ever: some tests leave one."""


async def rest(store: AsyncDatabase[dict[str, Any]], scene: Scene) -> None:
    """Wait until the newest message of the scene is noted in its conversation, and all who are to be told of things
    have been, and by what they have chosen.
    """
    await until(lambda: _rests(store, scene))


async def _rests(store: AsyncDatabase[dict[str, Any]], scene: Scene) -> bool:
    group = ObjectId(scene.group.partition("_")[2])
    inside = {"organization_id": ObjectId(scene.organization.partition("_")[2])}
    newest = await store["messages"].find_one({**inside, "conversation_id": group}, sort=[("_id", -1)])
    conversation = await store["conversations"].find_one({**inside, "_id": group})
    noted = newest and conversation and conversation["last_message_id"] == newest["_id"]
    told = [row["kind"] async for row in store["notifications"].find(inside, {"kind": 1})]
    planned = await store["jobs"].count_documents({**inside, "type": plan_nudges.type, "state": "done"})
    going = await store["deliveries"].find_one({**inside, "state": {"$in": ["queued", "sending"]}})
    busy = await store["jobs"].find_one({"state": {"$in": ["ready", "running"]}, "type": {"$in": KNOWN}})
    return bool(noted and {"mention", "reply"} <= set(told) and planned >= len(told) and not (going or busy))
