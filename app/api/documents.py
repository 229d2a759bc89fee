"""From what a request asks for to an operation that is ready to run, on every transport.

A request has the text of a document, or names one: a trusted operation by its id or the SHA-256 of its text, or a text
that some client had known by its SHA-256 (Apollo's automatic persisted queries,
https://www.apollographql.com/docs/apollo-server/performance/apq). Where only trusted operations run, a text is good if
it is that of one.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from graphql import GraphQLError
from pymongo.errors import PyMongoError

from app.api import automatic
from app.api.body import Asked
from app.core.actor import Actor
from app.core.metrics import DOCUMENTS
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.operations import Operation, Refused
from app.services.platform import operations

FRESH = 60.0
"""Seconds for which a name that is known here is not asked for elsewhere: so long a forgotten operation may live."""
MAX_TEXTS, MAX_CHARACTERS = 2_000, 4_000_000
"""Texts that a process knows by name."""
PATIENCE = 2.0
"""Seconds that a name may take to be looked up."""

_PLATFORM = Actor.platform()


@dataclass(frozen=True, slots=True)
class _Known:
    """A text; `trusted` unless it is an automatic persisted query."""

    text: str
    trusted: bool
    fresh_until: float


class Documents:
    """The documents that requests may name, and the engine that makes them operations.

    Valid ones are what is kept: of a text with its hash, nothing is stored before the engine has let it pass.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self._only_trusted = settings.graphql_documents == "trusted"
        self._seconds = settings.persisted_query_days * 86_400
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._characters = 0

    def at_once(self, asked: Asked) -> Operation | None:
        """The operation, if it can be had without looking outside this process; else `find` has it. Raises Refused."""
        if asked.document is None and asked.query is not None and not self._only_trusted:
            return self.engine.prepare(asked.query, asked.operation_name)
        name = _name(asked)
        known = self._known.get(name)
        if known is None or time.monotonic() > known.fresh_until:
            return None
        self._known.move_to_end(name)
        DOCUMENTS.labels("hit").inc()
        return self.engine.prepare(known.text, asked.operation_name)

    async def find(self, asked: Asked) -> Operation:
        """The operation. Raises Refused, and TimeoutError or what PyMongo raises when MongoDB does not answer.

        Redis may be away: then no automatic persisted query is known but those that this process knows.
        """
        name = _name(asked)
        if asked.query is not None and not self._only_trusted:
            operation = self.engine.prepare(asked.query, asked.operation_name)
            await self._keep(name, asked.query)
            return operation
        text = await self._look_up(name)
        if text is not None:
            DOCUMENTS.labels("fetched").inc()
            return self.engine.prepare(text, asked.operation_name)
        if asked.query is not None:
            DOCUMENTS.labels("refused").inc()
            raise _refused("Only registered operations run here, and this is none of them.", "PERSISTED_QUERY_ONLY")
        DOCUMENTS.labels("missed").inc()
        raise _refused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)

    async def _keep(self, name: str, text: str) -> None:
        if len(text.encode()) > automatic.MAX_BYTES:
            DOCUMENTS.labels("refused").inc()
            return
        if await automatic.keep(name, text, self._seconds):
            DOCUMENTS.labels("stored").inc()
        self._remember(name, text, trusted=False)

    async def _look_up(self, name: str) -> str | None:
        known = self._known.get(name)
        if known is not None and not known.trusted:
            await automatic.keep(name, known.text, self._seconds)  # what is used stays known to others too
            return self._remember(name, known.text, trusted=False)
        if not self._only_trusted and operations.is_sha256(name):
            text = await automatic.find(name, self._seconds)
            if text is not None:
                return self._remember(name, text, trusted=False)
        try:
            async with asyncio.timeout(PATIENCE):
                text = await operations.text_of(_PLATFORM, name)
        except (PyMongoError, TimeoutError):
            if known is None:
                raise
            text = known.text
        self._forget(name)
        return None if text is None else self._remember(name, text, trusted=True)

    def _remember(self, name: str, text: str, *, trusted: bool) -> str:
        self._forget(name)
        self._known[name] = _Known(text, trusted, time.monotonic() + FRESH)
        self._characters += len(text)
        while len(self._known) > MAX_TEXTS or self._characters > MAX_CHARACTERS:
            self._forget(next(iter(self._known)))
        return text

    def _forget(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._characters -= len(known.text)


def _name(asked: Asked) -> str:
    """The name of what is asked for. Raises Refused for a text that is not the one it is named with."""
    if asked.query is None:
        assert asked.document is not None
        return asked.document
    name = operations.sha256(asked.query)
    if asked.document not in (None, name):
        raise _refused("provided sha does not match query", "PERSISTED_QUERY_HASH_MISMATCH", 400)
    return name


def _refused(message: str, code: str, status: int | None = None) -> Refused:
    return Refused([GraphQLError(message, extensions={"code": code})], status)
