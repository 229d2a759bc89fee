"""Signed heads: what a chain came to, at intervals, under a key of its own. Who holds one can prove what was in it."""

import hashlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import orjson
from bson import ObjectId
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core import changes, merkle, seals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.merkle import Sibling
from app.core.paging import Order
from app.core.rows import Value
from app.core.settings import settings
from app.models import AuditChain, AuditEntry, AuditHead, AuditHeadDocument
from app.services.audit.trail import PLATFORM

BY_NUMBER = Order(("number", "_id"), descending=False)
LAST = Order(("number", "_id"))
MOST = 4_096
"""Entries that one head covers."""
CHAINS = 500


@dataclass(frozen=True, slots=True)
class Proof(Value):
    """What it takes to verify an entry without this server.

    SHA-256 of `content` is the digest; `path` leads from it to the root in `statement`, which `signature` signs.
    """

    content: bytes
    path: list[Sibling]
    statement: bytes
    signature: bytes
    public_key: bytes


async def sign(limit: int = CHAINS) -> int:
    """Sign heads for chains that have grown, and answer how many chains these were."""
    grown = await AuditChain.select(PLATFORM, {"unsigned": True}, limit=limit)
    for chain in grown:
        while await _sign(chain.id):
            pass
    return len(grown)


@changes.atomic
async def _sign(chain_id: ObjectId) -> bool:
    """Sign what one head can hold; whether there is more."""
    last = await newest(chain_id)
    chain = await AuditChain.require(PLATFORM, chain_id)
    above = last.number if last else 0
    entries = await AuditEntry.select(
        PLATFORM, {"chain_id": chain_id, "number": {"$gt": above}}, order=BY_NUMBER, limit=MOST
    )
    if entries:
        head = AuditHeadDocument(
            id=new_id(),
            chain_id=chain_id,
            number=entries[-1].number,
            covers=len(entries),
            root=merkle.root([entry.digest for entry in entries]),
            hash=entries[-1].hash,
            previous=hashlib.sha256(last.statement).digest() if last else b"",
            signed_at=now(),
            key=name_of(_signers()[0].public_key()),
            signature=b"",
        )
        head.signature = _signers()[0].sign(head.statement)
        await changes.insert(head)
        above = head.number
    where = {"_id": chain_id, "number": above}
    done = await changes.change(AuditChain, where, {"$set": {"unsigned": False}})
    return done is None and chain.number > above


async def newest(chain_id: ObjectId) -> AuditHead | None:
    """The last head of a chain."""
    found = await AuditHead.select(PLATFORM, {"chain_id": chain_id}, order=LAST, limit=1)
    return found[0] if found else None


async def prove(actor: Actor, entry: AuditEntry) -> Proof | None:
    """The proof that an entry is in a signed head; None for the minute before one is signed."""
    heads = await AuditHead.select(actor, {"number": {"$gte": entry.number}}, order=BY_NUMBER, limit=1)
    if not heads:
        return None
    head = heads[0]
    covered = {"number": {"$gt": head.number - head.covers, "$lte": head.number}}
    digests = [one.digest for one in await AuditEntry.select(actor, covered, order=BY_NUMBER)]
    path = merkle.path(digests, entry.number - (head.number - head.covers) - 1)
    return Proof(entry.content, path, head.statement, head.signature, raw(public_keys()[head.key]))


def proves(proof: Proof) -> bool:
    """Whether a proof holds, given that its public key is the one that is known. It asks no database."""
    try:
        Ed25519PublicKey.from_public_bytes(proof.public_key).verify(proof.signature, proof.statement)
        root = bytes.fromhex(orjson.loads(proof.statement)["root"])
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return merkle.climb(hashlib.sha256(proof.content).digest(), proof.path) == root


def is_signed(head: AuditHead) -> bool:
    """Whether the head is as one of our keys has signed it."""
    key = public_keys().get(head.key)
    try:
        if key is not None:
            key.verify(head.signature, head.statement)
    except InvalidSignature:
        return False
    return key is not None


def public_keys() -> dict[str, Ed25519PublicKey]:
    """Every key that heads can be signed with, by name, the present one first."""
    return {name_of(one.public_key()): one.public_key() for one in _signers()}


def raw(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def name_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(raw(key)).hexdigest()[:16]


@cache
def _signers() -> Sequence[Ed25519PrivateKey]:
    given = settings().audit_key
    seeds = [b64decode(one.strip()) for one in given.get_secret_value().split(",")] if given else []
    return [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds or [seals.key("audit heads")]]
