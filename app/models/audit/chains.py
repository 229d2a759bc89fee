from datetime import datetime

from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL
from app.models.audit.entries import ChainRow, canonical
from app.models.base import PlatformRow, StoredDocument


class AuditChain(PlatformRow):
    """How far a chain is; its id is the chain's."""

    collection = "audit_chains"
    policies = {"number hash kept_from unsigned": NEUTRAL}

    number: int = 0
    """Of its last entry."""
    hash: bytes = b""
    kept_from: int = 1
    """Its first entry that is kept."""
    unsigned: bool = True
    """Whether there are entries that no signed head covers."""


class AuditChainDocument(StoredDocument, AuditChain):
    class Settings:
        name = AuditChain.collection
        indexes = [IndexModel([("unsigned", ASCENDING)], partialFilterExpression={"unsigned": True})]


class AuditHead(ChainRow):
    """What a chain came to, signed: the Merkle root over its last `covers` entries up to `number`, and what was before.

    Heads are kept for ever, when the entries below them are gone, too.
    """

    collection = "audit_heads"
    policies = {"chain_id number covers root hash previous signed_at key signature": NEUTRAL}

    number: int
    covers: int
    root: bytes
    hash: bytes
    previous: bytes
    """The digest of the statement of the head before; empty in the first."""
    signed_at: datetime
    key: str
    """Names the public key that verifies the signature."""
    signature: bytes

    @property
    def statement(self) -> bytes:
        """What is signed: everything but the signature and the id, as canonical JSON."""
        row = self.encode()
        del row["_id"], row["signature"]
        return canonical(row)


class AuditHeadDocument(StoredDocument, AuditHead):
    class Settings:
        name = AuditHead.collection
        indexes = [IndexModel([("chain_id", ASCENDING), ("number", ASCENDING)], unique=True)]
