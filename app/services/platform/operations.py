"""Trusted operations: documents that are registered before their clients are released, which then name them.

MongoDB has them. Redis has copies that do not expire, made when somebody asks for one that is not there, so a Redis
that lost everything only makes the next request of each a little slower.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core import changes, clock, signals
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.core.paging import Order
from app.core.rows import Value
from app.models import TrustedOperation, TrustedOperationDocument
from app.models.platform.events import OperationsForgotten
from app.services.platform import acts

MAX_ID = 128
MAX_BYTES = 131_072
"""Of a text."""

_ID = re.compile(r"(?:x-[A-Za-z0-9._~-]+:)?[A-Za-z0-9._~-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BY_NAME, _BY_KEY = Order(("name", "_id"), descending=False), Order(("key", "_id"), descending=False)


class Standing(StrEnum):
    """What became of an operation that was pushed."""

    NEW = "new"
    KNOWN = "known"


class IdsTaken(Conflict):
    """Ids that name other texts already."""

    code = "ID_TAKEN"

    def __init__(self, ids: set[str]) -> None:
        super().__init__(f"These ids name other texts already: {', '.join(sorted(ids))}.")
        self.ids = ids


@dataclass(frozen=True, slots=True)
class NewOperation(Value):
    """What is to be registered: a valid document with one operation, of this name and kind."""

    id: str
    text: str
    name: str
    kind: str


def check(id: str, text: str) -> None:
    """Raises Invalid for an id that cannot be one of this text, and for a text that is too long.

    Ids are those of GraphQL over HTTP: letters, digits and `-._~`, after `x-<something>:` if one likes. What looks like
    a SHA-256 is one: clients may name the text by it, and Apollo's protocol says what it has to be.
    """
    if len(id) > MAX_ID or not _ID.fullmatch(id):
        raise Invalid(
            "An id has up to {limit} letters, digits and -._~, after a prefix such as x-app: if you like.", limit=MAX_ID
        )
    if len(text.encode()) > MAX_BYTES:
        raise Invalid("The text has more than {limit} bytes.", limit=MAX_BYTES)
    if is_sha256(id) and id != sha256(text):
        raise Invalid("The id looks like a SHA-256, and is not that of the text.")


def sha256(text: str) -> str:
    """In hexadecimal digits, of the text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_sha256(name: str) -> bool:
    return _SHA256.fullmatch(name) is not None


@changes.atomic
async def push(actor: Actor, operations: Sequence[NewOperation], release: str | None = None) -> list[Standing]:
    """Register operations, each once, all or none; answers what became of each. Raises Invalid, and IdsTaken.

    Those that are known stay as they are, and count as pushed now; `release` is noted with all of them.
    """
    for one in operations:
        check(one.id, one.text)
    keys = {"key": {"$in": [one.id for one in operations]}}
    stored = {row.key: row.text for row in await TrustedOperation.select(actor, keys)}
    if taken := {one.id for one in operations if stored.get(one.id, one.text) != one.text}:
        raise IdsTaken(taken)
    moment, releases = clock.now(), [release] if release else []
    news = [one for one in operations if one.id not in stored]
    await changes.insert_all([_document(one, releases, moment) for one in news])
    if stored:
        noted = {"$addToSet": {"releases": release}} if release else {}
        known = TrustedOperation.within(actor, {"key": {"$in": list(stored)}})
        await changes.change_all(TrustedOperation, known, {"$set": {"pushed_at": moment}, **noted})
    acts.tell(actor, "push", "operations", f"{len(operations)}{f' of {release}' if release else ''}")
    return [Standing.KNOWN if one.id in stored else Standing.NEW for one in operations]


async def registered(actor: Actor, release: str | None = None) -> list[TrustedOperation]:
    """Every trusted operation, or those of a release, by name."""
    return await TrustedOperation.select(actor, {"releases": release} if release else None, order=_BY_NAME)


@changes.atomic
async def forget(actor: Actor, ids: Sequence[str]) -> list[TrustedOperation]:
    """Forget operations by their ids, or the beginnings of these. Raises NotFound, and Invalid where it is not one."""
    return await _forget(actor, [await _beginning(actor, id) for id in dict.fromkeys(ids)])


@changes.atomic
async def forget_release(actor: Actor, release: str) -> list[TrustedOperation]:
    """Forget a release, and those operations that belonged to no other."""
    await changes.change_all(
        TrustedOperation,
        TrustedOperation.within(actor, {"releases": release, "releases.1": {"$exists": True}}),
        {"$pull": {"releases": release}},
    )
    return await _forget(actor, await TrustedOperation.select(actor, {"releases": release}))


@changes.atomic
async def forget_older(actor: Actor, before: datetime) -> list[TrustedOperation]:
    """Forget operations that were not pushed since."""
    return await _forget(actor, await TrustedOperation.select(actor, {"pushed_at": {"$lt": before}}))


async def text_of(actor: Actor, name: str) -> str | None:
    """The text of the trusted operation with this id, or with a text of this SHA-256; None if there is none.

    It comes from Redis; when that has no copy, or is away, from MongoDB.
    """
    copy = await signals.attempt(lambda redis: redis.get(_key(name)))
    if copy is not None:
        return str(copy, "utf-8")
    row = await _named(actor, name)
    if row is None:
        return None
    await signals.attempt(lambda redis: redis.set(_key(name), row.text))
    if await _named(actor, name) is None:  # forgotten meanwhile, perhaps before there was a copy to drop
        await drop_copies([name])
        return None
    return row.text


async def drop_copies(names: Iterable[str]) -> None:
    """Delete what Redis has of operations that are forgotten. Raises Unavailable when it is away."""
    keys = [_key(name) for name in names]
    if await signals.attempt(lambda redis: redis.delete(*keys)) is None:
        raise Unavailable("Redis does not answer: what it has of forgotten operations is still there.")


async def _forget(actor: Actor, rows: Sequence[TrustedOperation]) -> list[TrustedOperation]:
    if rows:
        where = TrustedOperation.within(actor, {"_id": {"$in": [row.id for row in rows]}})
        await changes.erase(TrustedOperation, where, limit=len(rows))
        names = sorted({name for row in rows for name in (row.key, row.sha256)})
        changes.emit(OperationsForgotten(actor, names=names))
        acts.tell(actor, "forget", "operations", str(len(rows)))
    return list(rows)


async def _beginning(actor: Actor, id: str) -> TrustedOperation:
    beginning = {"key": {"$regex": f"^{re.escape(id)}"}}
    found = await TrustedOperation.select(actor, beginning, order=_BY_KEY, limit=2)
    if not found:
        raise NotFound("There is no operation {id}.", id=id)
    if len(found) > 1 and found[0].key != id:
        raise Invalid("Several operations have ids that begin with {id}: give more of it.", id=id)
    return found[0]


async def _named(actor: Actor, name: str) -> TrustedOperation | None:
    where: dict[str, Any] = {"$or": [{"key": name}, {"sha256": name}]} if is_sha256(name) else {"key": name}
    return await TrustedOperation.lookup(actor, where)


def _document(operation: NewOperation, releases: list[str], moment: datetime) -> TrustedOperationDocument:
    return TrustedOperationDocument(
        key=operation.id,
        sha256=sha256(operation.text),
        text=operation.text,
        name=operation.name,
        kind=operation.kind,
        releases=releases,
        pushed_at=moment,
    )


def _key(name: str) -> str:
    return f"operation:{name}"
