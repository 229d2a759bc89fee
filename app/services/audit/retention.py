"""How long entries of the audit trail are kept. A chain says itself what is gone, and a signed head what that was."""

from datetime import timedelta

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.settings import settings
from app.models import AuditChain, AuditEntry, AuditHead
from app.models.audit.entries import PLATFORM_CHAIN
from app.models.audit.events import AuditTrimmed
from app.services.audit.heads import LAST
from app.services.audit.trail import PLATFORM

ROWS = 1_000


async def trim() -> int:
    """Forget what is older than AUDIT_DAYS, up to a head of each chain, and answer how many entries that were."""
    old = {"signed_at": {"$lt": now() - timedelta(days=settings().audit_days)}}
    gone = 0
    for chain in await AuditChain.select(PLATFORM):
        last = await AuditHead.select(PLATFORM, {**old, "chain_id": chain.id}, order=LAST, limit=1)
        if last and last[0].number >= chain.kept_from:
            await _begin(chain, last[0].number)
        gone += await _erase(chain.id)
    return gone


async def _begin(chain: AuditChain, number: int) -> None:
    inside = Actor.platform(None if chain.id == PLATFORM_CHAIN else chain.id)
    told = AuditTrimmed(inside, number=number)
    where = {"_id": chain.id, "kept_from": chain.kept_from}
    await changes.change(AuditChain, where, {"$set": {"kept_from": number + 1}}, told)


async def _erase(chain_id: ObjectId) -> int:
    """Delete what the chain keeps no longer, also what was left when a process died at it."""
    chain, gone = await AuditChain.require(PLATFORM, chain_id), 0
    below = {"chain_id": chain_id, "number": {"$lt": chain.kept_from}}
    while count := await changes.erase(AuditEntry, below, limit=ROWS):
        gone += count
    return gone
