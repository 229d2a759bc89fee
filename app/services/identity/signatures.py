"""Signed requests: what an API key that signs has sent, unaltered, lately and once.

The secret stays with its two owners, so nobody on the way, and no log, can act with what was seen.
"""

import hmac
from dataclasses import dataclass

from bson import ObjectId
from redis.asyncio import Redis

from app.core import clock, seals, signals
from app.core.actor import Actor
from app.core.errors import Unauthenticated, Unavailable
from app.models import ApiKey, KeyState, KeyUse
from app.services.identity import keys

WINDOW = 300
"""Seconds by which a signature's time may differ from the server's."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What came with a request: who has signed `base`, when (seconds since the epoch), and a word that comes once."""

    key_id: ObjectId
    created: int
    nonce: str
    base: bytes
    code: bytes


async def actor_of(signature: Signature) -> tuple[Actor, float | None]:
    """Who has signed, and when the secret ends that did. Raises Unauthenticated."""
    if abs(clock.source() - signature.created) > WINDOW:
        raise Unauthenticated("The signature was not made just now: is the clock right?")
    key = await ApiKey.lookup(keys.PLATFORM, _id=signature.key_id)
    if key is not None and key.use is KeyUse.SIGNATURE and key.state is KeyState.ACTIVE:
        for hash, sealed in zip(key.hashes, key.sealed, strict=True):
            secret = seals.unseal(keys.SIGNING, sealed)
            if hmac.compare_digest(hmac.digest(secret, signature.base, "sha256"), signature.code):
                return await keys.acting(key, hash, key.scopes)
    raise Unauthenticated("The signature is not one of this key for this request.")


async def spend(signature: Signature) -> None:
    """Let a good signature be used, once. Raises Unauthenticated, and Unavailable when Redis cannot tell."""
    entry = "signature:" + seals.fingerprint("nonces", f"{signature.key_id}\0{signature.nonce}".encode()).hex()

    async def note(redis: Redis) -> bool:
        return bool(await redis.set(entry, b"", nx=True, ex=2 * WINDOW + 1))

    first = await signals.attempt(note)
    if first is None:
        raise Unavailable("Whether this request came before cannot be told now. Try again in a moment.")
    if not first:
        raise Unauthenticated("This request came before.")
