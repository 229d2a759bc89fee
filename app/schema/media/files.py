from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.media import files, links
from app.services.media.files import FILE

strawberry.enum(models.FileState, description="How far a file is: it is served, and can be sent, once it is CLEAN.")


@strawberry.type(description="A file that somebody has uploaded. Only its owner sees it, as long as it was not sent.")
class File(Node):
    model = models.File

    name: str
    size: int = strawberry.field(description="Bytes.")
    media_type: str | None = strawberry.field(description="What its content shows; null until it was looked at.")
    state: models.FileState
    finding: str | None = strawberry.field(description="What was found in it, or the code of why it was refused.")
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(FILE)

    @computed("state", description="Where it is to be had, for an hour at least; null unless it is CLEAN.")
    def url(row: strawberry.Parent[Any]) -> str | None:
        return links.url(row.id) if row.state is models.FileState.CLEAN else None


@strawberry.type(description="Where to send the content of a file: by `PUT`, as it is, in 15 minutes.")
class UploadTarget:
    file: File
    url: str = strawberry.field(description="Good once where it is one of ours; then `completeUpload` is not needed.")
    expires_at: datetime

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, files.UploadBegun)
