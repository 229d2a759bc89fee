"""One `find` over PyMongo's own connections, without its cursors.

What a cursor costs is not the wire: each message sent is a task, each reply awaited is two more, and every cursor lends
itself a session. Here the driver's own parts do what they always do - its retries and server selection, pool,
authentication, TLS and compression, deadlines, events, errors and cluster time. Only the cursor, the session and those
tasks are left out.

These parts are not public: `app.core.queries` imports this module only with the versions of PyMongo that it names.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_runner import run_cursor_command
from pymongo.asynchronous.helpers import _handle_reauth
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.cursor_shared import _CURSOR_DOC_FIELDS
from pymongo.errors import ProtocolError, _OperationCancelled
from pymongo.message import _CursorAddress, _op_msg, _OpMsg
from pymongo.read_preferences import _ServerMode

Document = dict[str, Any]

POLL_SECONDS = 0.5
"""How soon a read notices that the pool has given its connection up."""
_ALL = 2**31 - 1
"""A first batch without a limit of its own: what fits into one reply, which is 16 MiB."""


def suits(client: AsyncMongoClient[Document]) -> bool:
    """Whether nothing about the client or the running task asks for more than commands and their replies."""
    options = client.options
    return not options.load_balanced and options.auto_encryption_opts is None and client._get_bound_session() is None


def find(
    client: AsyncMongoClient[Document],
    collection: AsyncCollection[Document],
    where: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    sort: Mapping[str, int] | None,
    limit: int,
) -> Awaitable[list[Document]]:
    """Every document that matches, at most `limit` unless that is 0. Raises what a cursor would raise."""
    command: Document = {"find": collection.name, "filter": where}
    if projection:
        command["projection"] = projection
    if sort:
        command["sort"] = sort
    if limit:
        command["limit"] = limit
    command["batchSize"] = limit + 1 if limit else _ALL  # one more than the limit, so that the server closes the cursor
    if collection.read_concern.level:
        command["readConcern"] = collection.read_concern.document
    return client._retry_internal(
        partial(_read, client, collection, command),
        session=None,
        bulk=None,
        operation="find",
        is_read=True,
        read_pref=collection.read_preference,
        retryable=True,  # unless the client has `retryReads=False`
    )


@_handle_reauth
async def _read(
    client: AsyncMongoClient[Document],
    collection: AsyncCollection[Document],
    command: Document,
    _session: None,
    _server: object,
    connection: AsyncConnection,
    preference: _ServerMode,
) -> list[Document]:
    """One attempt on one connection, whose errors the driver's checkout of the connection tells its topology."""
    find = dict(command)
    connection.apply_timeout(find)
    cursor = await _ask(client, collection, find, connection, preference)
    documents: list[Document] = cursor["firstBatch"]
    while cursor["id"]:  # there is more than one reply can hold
        more = {"getMore": cursor["id"], "collection": collection.name}
        try:
            connection.apply_timeout(None)
            cursor = await _ask(client, collection, more, connection, None)
        except BaseException:
            address = _CursorAddress(connection.address, collection.full_name)
            client._close_cursor_soon(more["getMore"], address)
            raise
        documents += cursor["nextBatch"]
    return documents


async def _ask(
    client: AsyncMongoClient[Document],
    collection: AsyncCollection[Document],
    command: Document,
    connection: AsyncConnection,
    preference: _ServerMode | None,
) -> Document:
    """The cursor that a command answers, with its batch."""
    database, codec = collection.database.name, collection.codec_options
    connection.add_server_api(command)
    connection.send_cluster_time(command, None, client)
    request_id, message, size, _ = _op_msg(0, command, database, preference, codec, ctx=connection.compression_context)
    answers, _, _ = await run_cursor_command(
        _Direct(connection),  # type: ignore[arg-type]
        command,
        database,
        request_id,
        message,
        client=client,
        session=None,
        listeners=client._event_listeners,
        codec_options=codec,
        command_name=next(iter(command)),
        user_fields=_CURSOR_DOC_FIELDS,
        pool_opts=connection.opts,
        max_doc_size=size,
    )
    cursor: Document = answers[0]["cursor"]
    return cursor


class _Direct:
    """A connection that was checked out, and sends and receives without tasks; all else is PyMongo's own.

    Whatever ends a read before its reply has come closes the connection: nobody gets what was meant for another.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def send_message(self, message: bytes, size: int) -> None:
        if size > self._connection.max_bson_size:
            await self._connection.send_message(message, size)  # raises DocumentTooLarge
        try:
            await self._connection.conn.get_conn.write(message)
        except BaseException as error:
            await self._connection._raise_connection_failure(error)

    async def receive_message(self, request_id: int) -> _OpMsg:
        patience = _Patience(self._connection)
        try:
            data, kind = await self._connection.conn.get_conn.read(request_id, self._connection.max_message_size)
            return _unpack(kind, data)
        except BaseException as error:
            await self._connection._raise_connection_failure(error)
        finally:
            patience.end()


def _unpack(kind: int, data: bytes) -> _OpMsg:
    if kind != _OpMsg.OP_CODE:
        raise ProtocolError(f"Got opcode {kind!r} but expected {_OpMsg.OP_CODE!r}")
    return _OpMsg.unpack(data)


class _Patience:
    """Ends the wait for a reply at its deadline, or soon after the pool has given the connection up.

    The deadline is what is left of `pymongo.timeout` or `timeoutMS`, else `socketTimeoutMS`: `apply_timeout` set it.
    """

    __slots__ = ("_connection", "_deadline", "_late", "_timer")

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection, self._late = connection, False
        timeout = connection.conn.gettimeout or float("inf")
        self._deadline = time.monotonic() + timeout
        self._look_in(timeout)

    def end(self) -> None:
        self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        delay = min(max(seconds, 0), POLL_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        left = self._deadline - time.monotonic()
        if self._connection.cancel_context.cancelled:
            self._give_up(_OperationCancelled("operation cancelled"))
        elif left > 0 or not self._late:  # what has come while the event loop was busy is read before the last look
            self._late = left <= 0
            self._look_in(left)
        else:
            self._give_up(TimeoutError("timed out"))

    def _give_up(self, error: Exception) -> None:
        protocol = self._connection.conn.get_conn
        if protocol._pending_messages:  # else the reply is here, and its reader about to wake
            protocol.close(error)
