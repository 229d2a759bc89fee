"""Organizations have a state; all that are here are active."""

from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document


async def up(database: AsyncDatabase[Document]) -> None:
    await database["organizations"].update_many({"state": {"$exists": False}}, {"$set": {"state": "active"}})
