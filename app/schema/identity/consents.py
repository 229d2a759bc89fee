from datetime import datetime

import strawberry

from app import models
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node, global_id


@strawberry.type(description="That a person has accepted a version of a legal text. Only its person sees it.")
class Consent(Node):
    model = models.Consent

    kind: models.LegalKind
    version: int
    language: str = strawberry.field(description="In which they read it, BCP 47.")
    accepted_at: datetime
    withdrawn_at: datetime | None = strawberry.field(description="When they withdrew it; null while it stands.")

    @computed("text_id", description="Of the text that they read.")
    def text_id(row: strawberry.Parent[models.Consent]) -> strawberry.ID:
        return global_id("LegalText", row.text_id)
