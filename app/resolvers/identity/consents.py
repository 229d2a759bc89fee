import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.identity.consents import Consent
from app.schema.kit.audiences import oneself, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.identity import consents


@strawberry.type
class Query:
    @connection(Consent, signed_in())
    async def consents(self, info: Info, page: PageArgs) -> Page[models.Consent]:
        """To which legal texts one has agreed, and what one has withdrawn; the newest first."""
        return await consents.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Consent, oneself(), fails=(NotFound,))
    async def accept_legal_text(self, info: Info, input: consents.Acceptance) -> models.Consent:
        """Agree to a legal text that holds or will. To do so again changes nothing."""
        return await consents.accept(info.context.actor, input)

    @mutation(Consent, oneself(), fails=(NotFound,))
    async def withdraw_consent(self, info: Info, input: consents.Withdrawal) -> models.Consent:
        """Agree no more to a text of the kind COOKIES; consents to others end with the account."""
        return await consents.withdraw(info.context.actor, input)
