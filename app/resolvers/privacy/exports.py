import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.models import ExportKind
from app.schema.audit.entries import AuditFilter
from app.schema.identity.users import User
from app.schema.kit.audiences import needs, oneself, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.filters import tree
from app.schema.kit.nodes import key
from app.schema.privacy.exports import DataExport, ExportLink
from app.services.privacy import erasure, exports


@strawberry.type
class Query:
    @connection(DataExport, signed_in())
    async def data_exports(self, info: Info, page: PageArgs) -> Page[models.Export]:
        """The files that one has asked for, newest first."""
        return await exports.newest(info.context.actor, page)

    @query(DataExport | None, signed_in())
    async def data_export(self, info: Info, id: strawberry.ID) -> models.Export | None:
        """A file that one has asked for."""
        return await exports.find(info.context.actor, key(id, DataExport))


@strawberry.type
class Mutation:
    @mutation(DataExport, oneself())
    async def export_my_data(self, info: Info) -> models.Export:
        """Let everything that is known of oneself be put into a file."""
        return await exports.request(info.context.actor)

    @mutation(DataExport, needs(models.Permission.AUDIT_READ))
    async def export_audit_entries(self, info: Info, filter: AuditFilter | None = None) -> models.Export:
        """Let entries of the organization's audit trail be put into a file, the oldest first."""
        return await exports.request(info.context.actor, ExportKind.AUDIT, tree(filter))

    @mutation(ExportLink, oneself(), fails=(NotFound,))
    async def create_export_link(self, info: Info, input: exports.ExportAction) -> exports.ExportLink:
        """A link to a file of one's own, which is good once and for ten minutes."""
        return await exports.link(info.context.actor, input)

    @mutation(User, oneself())
    async def request_erasure(self, info: Info, input: erasure.ErasureRequest) -> models.User:
        """Let everything that is known of oneself be erased, after a grace period in which one can stop it."""
        return await erasure.request(info.context.actor, input)

    @mutation(User, oneself())
    async def cancel_erasure(self, info: Info) -> models.User:
        """Stay after all."""
        return await erasure.cancel(info.context.actor)
