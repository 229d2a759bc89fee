"""Verifying the audit trail: any entry that was changed, taken away, added or moved is found."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bson import ObjectId

from app.core import merkle
from app.core.changes import log
from app.core.changes.operations import consumers
from app.core.clock import now
from app.core.settings import settings
from app.models import AuditChain, AuditEntry, AuditHead
from app.models.audit.entries import PLATFORM_CHAIN
from app.models.audit.events import AuditTrimmed
from app.services.audit import heads, trail
from app.services.audit.heads import BY_NUMBER
from app.services.audit.trail import PLATFORM

PAGE = 1_000
SHOWN = 20
"""What is told of one chain at most; one change of many entries would say the same of each."""

Announce = Callable[[str, int, int], Awaitable[None]]


@dataclass(slots=True)
class Verdict:
    """What was looked at, and everything that is wrong with it, in words."""

    chains: int = 0
    entries: int = 0
    heads: int = 0
    wrong: list[str] = field(default_factory=list)


async def verify(announce: Announce, chain_id: ObjectId | None = None) -> Verdict:
    """Look at every entry and head, of one chain or of all, and at whether the log's changes have their entries."""
    verdict = Verdict()
    stored = await AuditChain.select(PLATFORM, {} if chain_id is None else {"_id": chain_id})
    for done, chain in enumerate(stored):
        await announce(f"chain {_name(chain.id)}", done, len(stored))
        wrong = [text async for text in _Walk(chain, verdict).wrong()]
        verdict.wrong += [f"{_name(chain.id)}: {text}" for text in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            verdict.wrong.append(f"{_name(chain.id)}: and {len(wrong) - SHOWN:,} more")
        verdict.chains += 1
    if chain_id is None:
        verdict.wrong += [text async for text in _homeless({chain.id for chain in stored})]
        verdict.wrong += [text async for text in _beside_the_log(announce)]
    return verdict


class _Walk:
    """From the first entry of a chain that is kept to its last, along its heads."""

    def __init__(self, chain: AuditChain, verdict: Verdict) -> None:
        self._chain, self._verdict = chain, verdict

    async def wrong(self) -> AsyncIterator[str]:
        chain, start, hash, trimmed = self._chain, self._chain.kept_from, b"", 1
        signed = [head async for head in _heads(chain.id)]
        self._verdict.heads += len(signed)
        for text in _unlinked(signed):
            yield text
        ends = {head.number: head for head in signed}
        if start > 1:
            if start - 1 in ends:
                hash = ends[start - 1].hash
            else:
                yield f"no signed head says what the entries before {start} were"
        digests: list[bytes] = []
        expected, known = start, True
        async for entry in _entries(chain.id, start):
            self._verdict.entries += 1
            if entry.number != expected:
                yield f"entries {expected} to {entry.number - 1} are missing"
                known, digests = False, []
            digest = entry.digest
            if known and entry.hash != trail.hashed(chain.id, hash, digest):
                yield f"entry {entry.number} ({entry.action}) is not as it was written"
            hash, expected, known = entry.hash, entry.number + 1, True
            digests.append(digest)
            if entry.action == trail.action(AuditTrimmed.type()):
                trimmed = max(trimmed, entry.data.get("number", 0) + 1)
            if (head := ends.get(entry.number)) is not None:
                covered = f"entries {head.number - head.covers + 1} to {head.number}"
                if head.hash != entry.hash or len(digests) != head.covers or merkle.root(digests) != head.root:
                    yield f"{covered} are not those that were signed"
                digests = []
        if start != trimmed:
            yield f"its entries before {start} are gone, and retention took those before {trimmed} only"
        last = max(chain.number, signed[-1].number if signed else 0)
        if expected <= last:
            yield f"entries {expected} to {last} are missing"
        # Meanwhile it may have grown; what it says of itself grows in the same transaction.
        elif expected - 1 > (await AuditChain.require(PLATFORM, chain.id)).number:
            yield f"it ends with entry {expected - 1}, which is not where it was left"
        elif expected - 1 == chain.number and hash != chain.hash:
            yield f"entry {chain.number} is not the one with which it was left"


def _unlinked(signed: Sequence[AuditHead]) -> list[str]:
    wrong, number, previous = [], 0, b""
    for head in signed:
        if not heads.is_signed(head):
            wrong.append(f"the head at {head.number} is not signed by AUDIT_KEY")
        if (head.number - head.covers, head.previous) != (number, previous):
            wrong.append(f"the head at {head.number} does not follow on that at {number}")
        number, previous = head.number, hashlib.sha256(head.statement).digest()
    return wrong


async def _homeless(known: set[ObjectId]) -> AsyncIterator[str]:
    """Entries and heads of chains that are not, and so would not be looked at."""
    elsewhere = {"chain_id": {"$nin": sorted(known)}}
    entries = await AuditEntry.select(PLATFORM, elsewhere, limit=1)
    for row in [*entries, *await AuditHead.select(PLATFORM, elsewhere, limit=1)]:
        yield f"{_name(row.chain_id)} has entries or heads, and has no chain"


async def _beside_the_log(announce: Announce) -> AsyncIterator[str]:
    """Changes that the trail has read in the log, and has no entry of: whoever cut off the end of a chain took them."""
    read = max((one.position or 0 for one in await consumers() if one.name == trail.CONSUMER), default=0)
    position = first = (await log.state()).floor
    kept_since = now() - timedelta(days=settings().audit_days)
    while position < read:
        await announce("the change log", position - first, read - first)
        page = [change for change in await log.following(position) if change.position <= read]
        position = page[-1].position
        audited = [change for change in page if trail.is_audited(change.type)]
        there = await AuditEntry.by_ids(PLATFORM, [change.id for change in audited], frozenset({"number"}))
        for change in audited:
            if change.id not in there and change.at > kept_since:
                place = _name(trail.chain_of(change))
                yield f"{place}: position {change.position} of the log ({change.type}) has no entry"


async def _entries(chain_id: ObjectId, start: int) -> AsyncIterator[AuditEntry]:
    number = start - 1
    while True:
        above = {"chain_id": chain_id, "number": {"$gt": number}}
        page = await AuditEntry.select(PLATFORM, above, order=BY_NUMBER, limit=PAGE)
        for entry in page:
            yield entry
        if len(page) < PAGE:
            return
        number = page[-1].number


async def _heads(chain_id: ObjectId) -> AsyncIterator[AuditHead]:
    number = 0
    while page := await AuditHead.select(
        PLATFORM, {"chain_id": chain_id, "number": {"$gt": number}}, order=BY_NUMBER, limit=PAGE
    ):
        for head in page:
            yield head
        number = page[-1].number


def _name(chain_id: ObjectId) -> str:
    return "the platform" if chain_id == PLATFORM_CHAIN else f"organization {chain_id}"
