"""Sessions keep the device and address of their person sealed."""

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import keyring
from app.core.database import Document


async def up(database: AsyncDatabase[Document]) -> None:
    sessions = database["sessions"]
    async for row in sessions.find({"address": {"$type": "string"}}, {"user_id": 1, "agent": 1, "address": 1}):
        user_id: ObjectId = row["user_id"]
        owner = keyring.person(user_id)
        sealed = {name: await keyring.seal(owner, row.get(name, "")) for name in ("agent", "address")}
        await sessions.update_one({"_id": row["_id"], "address": row["address"]}, {"$set": sealed})
