import strawberry

from app import models
from app.schema.identity.legal_texts import LegalText
from app.schema.kit.audiences import anyone, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.services.identity import legal_texts


@strawberry.type
class Query:
    @query(LegalText | None, anyone())
    async def legal_text(self, info: Info, kind: models.LegalKind, language: str = "en") -> models.LegalText | None:
        """The legal text that holds, in a language (BCP 47) if there it is, else in English; null before the first."""
        return await legal_texts.current(kind, language)

    @query(list[LegalText], anyone())
    async def legal_texts(self, info: Info, language: str = "en") -> list[models.LegalText]:
        """The legal texts that hold, one of each kind, then those that are published and do not hold yet."""
        return [*await legal_texts.in_force(language), *await legal_texts.to_come(language)]


@strawberry.type
class Mutation:
    @mutation(LegalText, staff(models.Duty.LEGAL_PUBLISH))
    async def publish_legal_text(self, info: Info, input: legal_texts.LegalPublication) -> models.LegalText:
        """Publish another version of a legal text, which everybody is asked to accept; answers it in English."""
        return await legal_texts.publish(info.context.actor, input)
