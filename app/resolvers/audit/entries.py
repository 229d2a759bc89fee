import strawberry
from bson import ObjectId

from app import models
from app.core.clock import FIRST_ID
from app.core.paging import Page, PageArgs
from app.schema.audit.entries import AuditEntry, AuditFilter, AuditProof
from app.schema.kit.audiences import needs, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, query
from app.schema.kit.filters import tree
from app.schema.kit.nodes import key
from app.services.audit import entries, heads

READ = needs(models.Permission.AUDIT_READ)


@strawberry.type
class Query:
    @connection(AuditEntry, READ, discloses=entries.DISCLOSED)
    async def audit_entries(
        self, info: Info, page: PageArgs, filter: AuditFilter | None = None, about: strawberry.ID | None = None
    ) -> Page[models.AuditEntry]:
        """What was done in the organization, newest first; `about` takes the id of anything. To read it is audited."""
        return await entries.newest(info.context.actor, page, tree(filter), _thing(about))

    @query(AuditProof | None, READ)
    async def audit_proof(self, info: Info, entry_id: strawberry.ID) -> heads.Proof | None:
        """The proof that an entry was written as it is; null for the minute before a head is signed over it."""
        return await entries.prove(info.context.actor, key(entry_id, AuditEntry))

    @connection(AuditEntry, staff(models.Duty.AUDIT_READ), discloses=entries.DISCLOSED)
    async def platform_audit_entries(
        self, info: Info, page: PageArgs, filter: AuditFilter | None = None, about: strawberry.ID | None = None
    ) -> Page[models.AuditEntry]:
        """What was done in no organization, newest first: sign-ins, acts of staff. To read it is audited."""
        return await entries.newest(entries.of_platform(info.context.actor), page, tree(filter), _thing(about))


def _thing(id: strawberry.ID | None) -> ObjectId | None:
    """The document id in the id of any node; one of nothing for what is none."""
    if id is None:
        return None
    document = id.rpartition("_")[2]
    return ObjectId(document) if ObjectId.is_valid(document) else FIRST_ID
