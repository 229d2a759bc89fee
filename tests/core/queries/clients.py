"""Clients of a MongoDB, and the two ways to read through them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.pool import Pool
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from app.core import queries
from app.core.database import Document
from tests.faults.replicas import ReplicaNode

APP = "queries"
Read = Callable[..., Awaitable[list[Document]]]


class Commands(CommandListener):
    """Every `find` and `getMore` that was sent, and what was heard of it."""

    def __init__(self) -> None:
        self.sent: list[Document] = []
        self.heard: list[str] = []
        self.addresses: set[tuple[str, int | None]] = set()

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    @property
    def straight(self) -> bool:
        """Whether reads were sent, and none by a cursor, which always lends itself a session."""
        return bool(self.sent) and not any("lsid" in command for command in self.sent)

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("find", "getMore"):
            self.sent.append(dict(event.command))
            self.addresses.add(event.connection_id)
            self.heard.append(f"{event.command_name} started")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name in ("find", "getMore"):
            self.heard.append(f"{event.command_name} succeeded")

    def failed(self, event: CommandFailedEvent) -> None:
        if event.command_name in ("find", "getMore"):
            self.heard.append(f"{event.command_name} failed")


class Watched:
    """A client, the commands it sent, and the collection that tests read."""

    def __init__(self, client: AsyncMongoClient[Document], commands: Commands) -> None:
        self.client, self.commands = client, commands
        self.rows: AsyncCollection[Document] = client.get_database("queries", CodecOptions(tz_aware=True))["rows"]

    async def pool(self) -> Pool:
        """The connections to the primary."""
        server = await self.client._select_server(self.rows.read_preference, None, "find")
        return server.pool

    async def idle(self) -> bool:
        """Whether every connection that was taken is back, and nobody waits for one.

        Of `active_contexts` nothing is said: PyMongo, by its cursors too, keeps that of a connection which it was
        making when the read was cancelled.
        """
        pool = await self.pool()
        return (pool.requests, pool.active_sockets, pool.operation_count) == (0, 0, 0)


@asynccontextmanager
async def watched(uri: str, **options: Any) -> AsyncIterator[Watched]:
    commands = Commands()
    given: dict[str, Any] = {"appname": APP, "heartbeatFrequencyMS": 500, "event_listeners": [commands], **options}
    async with AsyncMongoClient[Document](uri, **given) as client:
        yield Watched(client, commands)


async def straight(rows: AsyncCollection[Document], where: Document, *rest: Any, **options: Any) -> list[Document]:
    return await queries.find(rows, where, *rest, **options)


async def by_cursor(
    rows: AsyncCollection[Document],
    where: Document,
    projection: Document | None = None,
    *,
    sort: dict[str, int] | None = None,
    limit: int = 0,
) -> list[Document]:
    """PyMongo's public way."""
    cursor = rows.find(where, projection, limit=limit)
    return await (cursor.sort(list(sort.items())) if sort else cursor).to_list()


@asynccontextmanager
async def failing(node: ReplicaNode, times: int, *commands: str, **data: Any) -> AsyncIterator[None]:
    """Let the node fail these commands of ours so many times: `errorCode`, `closeConnection`, `blockTimeMS`, ..."""
    given = {"failCommands": commands, "appName": APP, **data}
    if "blockTimeMS" in data:
        given["blockConnection"] = True
    await node.ask("configureFailPoint", "failCommand", mode={"times": times}, data=given)
    try:
        yield
    finally:
        await node.ask("configureFailPoint", "failCommand", timeout_ms=10_000, mode="off")  # when no command is blocked


async def outcome(read: Awaitable[list[Document]]) -> tuple[object, ...]:
    """What a read answers, or in comparable words what it raises."""
    try:
        return ("ok", await read)
    except Exception as error:
        words = re.sub(r"\(\d+ bytes\)", "", str(error))  # a session is a part of what is too large
        details = getattr(error, "details", None) or {}
        told = details.keys() - {"$clusterTime", "operationTime"}
        return (type(error), words, getattr(error, "code", None), told, getattr(error, "timeout", None))
