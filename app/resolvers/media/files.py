import strawberry

from app import models
from app.core.errors import LimitReached, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.nodes import key
from app.schema.media.files import File, UploadTarget
from app.services.media import files

SEND = needs(models.Permission.MESSAGES_SEND)


@strawberry.type
class Query:
    @connection(File, SEND)
    async def files(self, info: Info, page: PageArgs) -> Page[models.File]:
        """One's own files in the organization, the newest first."""
        return await files.newest(info.context.actor, page)

    @query(File | None, SEND)
    async def file(self, info: Info, id: strawberry.ID) -> models.File | None:
        """One of one's own files."""
        return await files.find(info.context.actor, key(id, File))


@strawberry.type
class Mutation:
    @mutation(UploadTarget, SEND, fails=(LimitReached, Unavailable))
    async def begin_upload(self, info: Info, input: files.NewFile) -> files.UploadBegun:
        """Announce a file. Its content goes to `url`, or comes in a multipart request instead of all this."""
        return await files.begin(info.context.actor, input)

    @mutation(File, SEND, fails=(NotFound, Unavailable))
    async def complete_upload(self, info: Info, input: files.FileAction) -> models.File:
        """Say that the content was sent; it is looked at then. In a multipart request `fileId` is the file itself."""
        return await files.complete(info.context.actor, input)
