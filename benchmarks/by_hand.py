"""The page of conversations as one would write it without Atrium: Starlette, PyMongo, orjson, and nothing checked.

`python -m benchmarks.by_hand PORT ORGANIZATION USER` reads what Atrium reads for that person and answers the same JSON.
"""

import asyncio
import os
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bson
import orjson
import uvicorn
from bson import ObjectId
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.uvicorn_protocol import HardenedHTTPProtocol
from app.core import database
from app.core.database import collection

Document = dict[str, Any]

FIRST = 20
UNREAD_CAP = 100


def create_app(organization: ObjectId, user: ObjectId) -> Starlette:
    """An application whose `/conversations` is the first page of the user's conversations."""

    async def conversations(_: Request) -> Response:
        answer = await _page(organization, user)
        return Response(orjson.dumps(answer), media_type="application/graphql-response+json")

    async def live(_: Request) -> Response:
        return Response()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        database.connect(os.environ["MONGODB_URI"], os.environ["MONGODB_DATABASE"])
        yield
        await database.close()

    routes = [Route("/conversations", conversations, methods=["POST"]), Route("/livez", live)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _page(organization: ObjectId, user: ObjectId) -> Document:
    where = {"member_ids": user, "archived_by_ids": {"$ne": user}, "organization_id": organization}
    columns = {"title": 1, "last_message_id": 1, "active_at": 1}
    newest = collection("conversations").find(where, columns).sort([("active_at", -1), ("_id", -1)])
    rows = await newest.limit(FIRST + 1).to_list()
    page = rows[:FIRST]
    ids = [row["_id"] for row in page]
    sides, messages, unread = await asyncio.gather(
        _find("participants", organization, {"conversation_id": {"$in": ids}}, "conversation_id", "user_id"),
        _find("messages", organization, {"_id": {"$in": [r["last_message_id"] for r in page]}}, "text", "sender_id"),
        _unread(organization, user, ids),
    )
    people = {side["user_id"] for side in sides} | {message["sender_id"] for message in messages}
    users = (
        await collection("users")
        .find({"_id": {"$in": list(people)}, "organization_ids": organization}, {"name": 1})
        .to_list()
    )
    names = {row["_id"]: row["name"] for row in users}
    newest_of = {message["_id"]: message for message in messages}
    members: dict[ObjectId, list[Document]] = {id: [] for id in ids}
    for side in sorted(sides, key=lambda side: side["_id"]):
        shown = {"id": f"User_{side['user_id']}", "name": names[side["user_id"]]}
        members[side["conversation_id"]].append({"user": shown})
    nodes = []
    for row in page:
        message = newest_of[row["last_message_id"]]
        nodes.append(
            {
                "id": f"Conversation_{row['_id']}",
                "title": row["title"],
                "unreadCount": unread[row["_id"]],
                "lastMessage": {"text": message["text"], "sender": {"name": names[message["sender_id"]]}},
                "participants": members[row["_id"]],
            }
        )
    last = {"_id": page[-1]["_id"], "active_at": page[-1]["active_at"]}
    info = {"hasNextPage": len(rows) > FIRST, "endCursor": urlsafe_b64encode(bson.encode(last)).decode()}
    return {"data": {"conversations": {"nodes": nodes, "pageInfo": info}}}


async def _find(name: str, organization: ObjectId, where: Document, *columns: str) -> list[Document]:
    found = collection(name).find({**where, "organization_id": organization}, dict.fromkeys(columns, 1))
    return await found.to_list()


async def _unread(organization: ObjectId, user: ObjectId, ids: list[ObjectId]) -> dict[ObjectId, int]:
    of_others = {"organization_id": organization, "sender_id": {"$ne": user}, "deleted_at": None}
    beyond = [{"$eq": ["$conversation_id", "$$conversation"]}, {"$gt": ["$_id", "$$read"]}]
    unread = {
        "from": "messages",
        "let": {"conversation": "$conversation_id", "read": {"$ifNull": ["$read_id", ObjectId("0" * 24)]}},
        "pipeline": [{"$match": {"$expr": {"$and": beyond}, **of_others}}, {"$limit": UNREAD_CAP}, {"$count": "n"}],
        "as": "unread",
    }
    where = {"organization_id": organization, "conversation_id": {"$in": ids}, "user_id": user}
    pipeline: list[Document] = [
        {"$match": where},
        {"$lookup": unread},
        {"$project": {"conversation_id": 1, "unread.n": 1}},
    ]
    found = await collection("participants").aggregate(pipeline)
    return {row["conversation_id"]: row["unread"][0]["n"] if row["unread"] else 0 async for row in found}


if __name__ == "__main__":
    uvicorn.run(
        create_app(ObjectId(sys.argv[2]), ObjectId(sys.argv[3])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http=HardenedHTTPProtocol,
        loop="auto",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
