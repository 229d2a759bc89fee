from datetime import datetime

import strawberry

from app import models
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node
from app.services.privacy import exports

strawberry.enum(models.ExportKind, description="What a file holds: all of a person, or entries of an audit trail.")
strawberry.enum(models.ExportState, description="Whether a file can be fetched.")


@strawberry.type(description="A zip file that one asked for, kept for a week: lines of JSON, a file for each kind.")
class DataExport(Node):
    model = models.Export

    kind: models.ExportKind
    state: models.ExportState
    created_at: datetime
    ready_at: datetime | None

    @computed("size", description="In bytes; 0 until it is ready.")
    def size(row: strawberry.Parent[models.Export]) -> float:
        return float(row.size)


@strawberry.type(description="Where a file can be fetched, once.")
class ExportLink:
    url: str
    expires_at: datetime

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, exports.ExportLink)
