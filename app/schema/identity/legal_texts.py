from datetime import datetime

import strawberry

from app import models
from app.schema.kit.fields import computed
from app.schema.kit.nodes import by_class, global_id

strawberry.enum(models.LegalKind, description="What a legal text is about.")


@strawberry.type(description="A version of a legal text in one language. It never changes.")
class LegalText:
    kind: models.LegalKind
    version: int = strawberry.field(description="From 1; of each kind there is one that holds.")
    language: str = strawberry.field(description="BCP 47, such as pt-BR.")
    title: str
    text: str = strawberry.field(
        description="Plain text: show it as such. Blank lines part paragraphs; there is no markup in it."
    )
    binding: bool = strawberry.field(
        description="Whether people change nothing, but in their account, before they have accepted it."
    )
    holds_from: datetime = strawberry.field(description="Since when it holds, or will.")
    published_at: datetime

    @computed("id", description="Of the text in this language: give it to `acceptLegalText`.", personal=False)
    def id(row: strawberry.Parent[models.LegalText]) -> strawberry.ID:
        return global_id("LegalText", row.id)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.LegalText)
