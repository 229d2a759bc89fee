"""The keys that sign access tokens: rotated, sealed in the database, known to every process.

A key is published NOTICE seconds before it signs, so that whoever verifies knows it by then, and believed for as long
as a token that it has signed may live.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from app.core import changes, seals
from app.core.actor import Actor
from app.core.clock import now
from app.core.settings import settings
from app.models import SigningKey, SigningKeyDocument
from app.models.identity.events import SigningKeysRotated

ALGORITHM = "EdDSA"
NOTICE = timedelta(minutes=10)
LEEWAY = timedelta(minutes=1)
"""For which a key is believed longer than its tokens live, for clocks that differ."""
RELOAD = 20.0
"""Seconds after which a process looks for other keys."""
PAUSE = 1.0
"""Seconds after which it looks again for a key that it does not know: strangers can name as many as they like."""
PLATFORM = Actor.platform()

_PURPOSE = "signing keys"
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that this process can use."""

    id: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    signs_at: datetime
    ends_at: datetime | None

    def believed(self, moment: datetime) -> bool:
        return self.ends_at is None or moment < self.ends_at


@dataclass(frozen=True, slots=True)
class _Ring:
    keys: Mapping[str, Key]
    read_at: float

    def signer(self, moment: datetime) -> Key | None:
        ready = [key for key in self.keys.values() if key.signs_at <= moment and key.believed(moment)]
        return max(ready, key=lambda key: (key.signs_at, key.id), default=None)


_ring: _Ring | None = None


async def signer() -> Key:
    """The key that signs now; the very first is made when it is asked for."""
    found = (await _current()).signer(now()) or (await _load()).signer(now())
    if found is None:
        _log.info("signing_keys.first")
        await changes.apart(lambda: rotate(PLATFORM))
        found = (await _load()).signer(now())
        assert found, "a key that is alone signs at once"
    return found


async def believed(id: str) -> Key | None:
    """The key of this id, if what it has signed is to be believed now."""
    ring = await _current()
    if id not in ring.keys and time.monotonic() >= ring.read_at + PAUSE:
        ring = await _load()
    key = ring.keys.get(id)
    return key if key is not None and key.believed(now()) else None


async def published() -> list[dict[str, Any]]:
    """Every key that is or will be believed, as public JSON web keys (RFC 7517)."""
    moment = now()
    return [
        {**OKPAlgorithm.to_jwk(key.public, as_dict=True), "kid": key.id, "use": "sig", "alg": ALGORITHM}
        for key in (await _current()).keys.values()
        if key.believed(moment)
    ]


@changes.atomic
async def rotate(actor: Actor, *, revoke: bool = False) -> SigningKey:
    """Make the next key. It signs after NOTICE, and the others are believed until the last of their tokens has ended.

    With `revoke` it signs now and the others are worth nothing: every client has to refresh its session.
    """
    moment = now()
    alone = (await _load()).signer(moment) is None
    signs_at = moment if revoke or alone else moment + NOTICE
    ends_at = moment if revoke else signs_at + timedelta(seconds=settings().access_token_seconds) + LEEWAY
    meant = {"$or": [{"ends_at": None}, {"ends_at": {"$gt": moment}}]} if revoke else {"ends_at": None}
    await changes.change_all(SigningKey, SigningKey.within(actor, meant), {"$set": {"ends_at": ends_at}})
    private = Ed25519PrivateKey.generate().private_bytes_raw()
    key = SigningKeyDocument(sealed=seals.seal(_PURPOSE, private), created_at=moment, signs_at=signs_at)
    return await changes.insert(key, SigningKeysRotated(actor, revoked=revoke))


async def rotate_when_due(actor: Actor) -> bool:
    """Rotate when the newest key is old enough, and answer whether it was."""
    oldest = now() - timedelta(days=settings().signing_key_days)
    due = await SigningKey.lookup(actor, {"created_at": {"$lte": oldest}}, ends_at=None) is not None
    if due:
        await rotate(actor)
    return due


async def stored(actor: Actor) -> list[SigningKey]:
    """Every key, those too whose time is over."""
    return await SigningKey.select(actor)


def forget() -> None:
    """Look the keys up anew when one is needed next."""
    global _ring
    _ring = None


async def _current() -> _Ring:
    ring = _ring
    return ring if ring is not None and time.monotonic() < ring.read_at + RELOAD else await _load()


async def _load() -> _Ring:
    global _ring
    rows = await changes.apart(lambda: SigningKey.select(PLATFORM))  # a scope sees what was when it began
    _ring = _Ring({key.id: key for row in rows if (key := _opened(row)) is not None}, time.monotonic())
    return _ring


def _opened(row: SigningKey) -> Key | None:
    try:
        private = Ed25519PrivateKey.from_private_bytes(seals.unseal(_PURPOSE, row.sealed))
    except ValueError:
        _log.warning("signing_keys.not_ours", key=str(row.id), mend="it was sealed with another SECRET_KEY")
        return None
    return Key(str(row.id), private, private.public_key(), row.signs_at, row.ends_at)
