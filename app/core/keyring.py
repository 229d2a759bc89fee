"""Data keys: one for each person and each organization. What they seal is unreadable, everywhere, once they are gone.

    data_keys  {_id: "u:<id>" | "o:<id>" | "platform", wrapped, master, created_at}
               {_id, destroyed_at}                                  of one that is gone

A data key is stored wrapped by a master key, which is not in the database. A process trusts its copy for TRUSTED
seconds: so long after `destroy` something may still be read.
"""

import asyncio
import hashlib
import secrets
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import cache

from bson import ObjectId
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from app.core import clock, database, queries, seals
from app.core.database import Document
from app.core.settings import settings

DATA_KEYS = "data_keys"
TRUSTED = 60.0
KNOWN = 10_000
"""Data keys that a process remembers."""
PLATFORM = "platform"


Announce = Callable[[str, int, int], Awaitable[None]]

_known: OrderedDict[tuple[str, str], tuple[AESGCM | None, float]] = OrderedDict()
"""By database and owner; None for a key that is gone."""


class KeyGone(Exception):
    """The owner's key was destroyed: nothing is sealed for them any more."""


class Unwrappable(Exception):
    """A data key was wrapped by a master key that this process does not have."""


def person(id: ObjectId) -> str:
    """The owner of what is known of a person."""
    return f"u:{id}"


def organization(id: ObjectId) -> str:
    """The owner of what is known of an organization."""
    return f"o:{id}"


class Sealed(bytes):
    """A stored text or bytes that only its owner's data key opens: the type of an encrypted column."""

    def __repr__(self) -> str:
        return "Sealed()"

    @property
    def owner(self) -> str:
        kind = self[:1]
        return PLATFORM if kind == b"p" else f"{kind.decode()}:{self[1:13].hex()}"

    async def open(self) -> bytes | None:
        """What was sealed; None when its key is gone. Raises ValueError for what was altered."""
        key = await _key(self.owner, make=False)
        if key is None:
            return None
        start = 1 if self[:1] == b"p" else 13
        return seals.decrypted(key, self[start:], self[:start])

    async def text(self) -> str | None:
        """The text that was sealed; None when its key is gone."""
        plain = await self.open()
        return None if plain is None else plain.decode()


async def revealed(sealed: Sealed | None) -> str:
    """The text of an encrypted column; empty where there is none, or its key is gone."""
    return (await sealed.text() if sealed else None) or ""


async def seal(owner: str, plain: bytes | str) -> Sealed:
    """Seal for a person, an organization or the platform. Raises KeyGone."""
    key = await _key(owner, make=True)
    if key is None:
        raise KeyGone(owner)
    head = b"p" if owner == PLATFORM else owner[:1].encode() + bytes.fromhex(owner[2:])
    return Sealed(head + seals.encrypted(key, plain.encode() if isinstance(plain, str) else plain, head))


async def destroy(owner: str, session: AsyncClientSession | None = None) -> None:
    """Make all that was sealed for the owner unreadable, for ever."""
    gone = {"$set": {"destroyed_at": clock.now()}, "$unset": {"wrapped": "", "master": ""}}
    await database.collection(DATA_KEYS).update_one({"_id": owner}, gone, upsert=True, session=session)
    _known.pop((database.database().name, owner), None)


async def rewrap(announce: Announce) -> int:
    """Wrap every data key by the newest master key, and answer how many were by another; what they seal stays."""
    masters, newest = _masters(), next(iter(_masters()))
    keys = database.collection(DATA_KEYS)
    old = await queries.find(keys, {"wrapped": {"$exists": True}, "master": {"$ne": newest}})
    for done, row in enumerate(old):
        await announce("data keys", done, len(old))
        wrapped = _wrapped(masters[newest], _unwrapped(row), row["_id"])
        set = {"$set": {"wrapped": wrapped, "master": newest}}
        await keys.update_one({"_id": row["_id"], "wrapped": row["wrapped"]}, set)
    return len(old)


async def _key(owner: str, *, make: bool) -> AESGCM | None:
    place = database.database().name, owner
    key, until = _known.get(place, (None, 0.0))
    if time.monotonic() < until:
        return key
    # Outside of any scope of the caller's: the key stays, whatever becomes of that.
    keys = database.collection(DATA_KEYS)
    row = await asyncio.create_task(_stored(keys, owner, make=make), context=Context())
    if row is None:
        return None
    key = AESGCM(_unwrapped(row)) if "wrapped" in row else None
    _known[place] = key, time.monotonic() + TRUSTED
    _known.move_to_end(place)
    while len(_known) > KNOWN:
        _known.popitem(last=False)
    return key


async def _stored(keys: AsyncCollection[Document], owner: str, *, make: bool) -> Document | None:
    row = await queries.find_one(keys, {"_id": owner})
    if row is not None or not make:
        return row
    newest, master = next(iter(_masters().items()))
    wrapped = _wrapped(master, secrets.token_bytes(32), owner)
    row = {"_id": owner, "wrapped": wrapped, "master": newest, "created_at": clock.now()}
    try:
        await keys.insert_one(row)
    except DuplicateKeyError:  # somebody else was faster
        return await queries.find_one(keys, {"_id": owner})
    return row


def _wrapped(master: AESGCM, key: bytes, owner: str) -> bytes:
    return seals.encrypted(master, key, owner.encode())


def _unwrapped(row: Document) -> bytes:
    master = _masters().get(row["master"])
    if master is None:
        raise Unwrappable(f"The data key {row['_id']} was wrapped by master key {row['master']}: add it to MASTER_KEY.")
    return seals.decrypted(master, row["wrapped"], row["_id"].encode())


@cache
def _masters() -> dict[str, AESGCM]:
    """The master keys by name, the newest first."""
    given = settings().master_key
    texts = given.get_secret_value().split(",") if given else []
    raw = [b64decode(text.strip()) for text in texts] or [seals.key("data keys")]
    return {hashlib.sha256(b"master" + one).hexdigest()[:12]: AESGCM(one) for one in raw}
