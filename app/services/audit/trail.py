"""The audit trail: a reader of the change log that makes an entry of each change, in the chain of its organization.

A chain is a list of entries numbered without a gap, each of which hashes, with a key that is not in the database, the
whole of it and the hash before. A page of the log becomes entries in one transaction, which makes them exactly once.
"""

import hmac
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from bson import ObjectId

from app.core import changes, seals
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.keyring import Sealed
from app.models import AuditChain, AuditChainDocument, AuditEntry, AuditEntryDocument
from app.models.audit.entries import PLATFORM_CHAIN

CONSUMER = "audit"
PLATFORM = Actor.platform()

_WORDS = re.compile(r"[A-Z][a-z0-9]*")


async def follow(page: Sequence[Change]) -> None:
    """Append what a page of the log tells."""
    audited = [change for change in page if is_audited(change.type)]
    if audited:
        await _append(audited)


def is_audited(type: str) -> bool:
    """Whether the trail has events of this type; those that this release does not know, too."""
    known = Event.of_type(type)
    return known is None or known.audited


@cache
def action(type: str) -> str:
    """`OrganizationDeletionRequested.1` is `organization_deletion.requested`; `Followed.1` is `person.followed`."""
    *noun, verb = _WORDS.findall(type.rpartition(".")[0])
    return f"{'_'.join(noun) or 'person'}.{verb}".lower()


def chain_of(change: Change) -> ObjectId:
    return change.organization_id or PLATFORM_CHAIN


def hashed(chain: ObjectId, before: bytes, digest: bytes) -> bytes:
    """What a chain comes to when an entry with this digest follows."""
    return hmac.digest(_key(chain), before + digest, "sha256")


@changes.atomic
async def _append(page: Sequence[Change]) -> None:
    there = {row.id for row in await AuditEntry.select(PLATFORM, {"_id": {"$in": [change.id for change in page]}})}
    fresh: dict[ObjectId, list[Change]] = defaultdict(list)
    for change in page:
        if change.id not in there:  # else a page that comes again, after a crash
            fresh[chain_of(change)].append(change)
    stored = await AuditChain.by_ids(PLATFORM, fresh)
    begun = {id: AuditChainDocument(id=id) for id in fresh if id not in stored}
    await changes.insert_all(list(begun.values()))
    entries: list[AuditEntryDocument] = []
    grown: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for id, told in fresh.items():
        chain: AuditChain = stored.get(id) or begun[id]
        number, hash = chain.number, chain.hash
        for change in told:
            number += 1
            entry = _entry(change, id, number)
            entry.hash = hash = hashed(id, hash, entry.digest)
            entries.append(entry)
        longer = {"$set": {"number": number, "hash": hash, "unsigned": True}}
        grown.append(({"_id": id, "number": chain.number}, longer))
    await changes.change_each(AuditChain, grown)  # a command for all, or a page of many chains outlasts a transaction
    await changes.insert_all(entries)


def _entry(change: Change, chain: ObjectId, number: int) -> AuditEntryDocument:
    origin = change.origin or {}
    return AuditEntryDocument(
        id=change.id,
        chain_id=chain,
        number=number,
        action=action(change.type),
        actor=change.actor,
        actor_id=_actor_id(change.actor),
        behind_id=origin.get("b"),
        target_ids=list(dict.fromkeys(_ids(change.data))),
        data=dict(change.data),
        door=origin.get("v"),
        request_id=origin.get("i"),
        place=Sealed(origin["p"]) if "p" in origin else None,
        image=change.image,
        at=change.at,
        hash=b"",
    )


def _actor_id(actor: str) -> ObjectId | None:
    _, _, id = actor.partition(":")
    return ObjectId(id) if ObjectId.is_valid(id) else None


def _ids(data: Mapping[str, Any]) -> Iterator[ObjectId]:
    for value in data.values():
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ObjectId))


@cache
def _key(chain: ObjectId) -> bytes:
    return hmac.digest(seals.key("audit chains"), chain.binary, "sha256")
