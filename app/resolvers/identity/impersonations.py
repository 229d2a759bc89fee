import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.schema.identity.impersonations import Impersonation
from app.schema.identity.sessions import Session
from app.schema.kit.audiences import recent, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import impersonations


@strawberry.type
class Mutation:
    @mutation(Impersonation, staff(models.Duty.IMPERSONATE, recent(2)), fails=(NotFound, Forbidden))
    async def impersonate(self, info: Info, input: impersonations.Impersonation) -> impersonations.Impersonated:
        """Act as a person in one of their organizations, for at most 30 minutes. They are told who does, and why.

        What fields do not say may be done on behalf of somebody is refused with the code `NOT_ON_BEHALF`.
        """
        return await impersonations.begin(info.context.actor, input)

    @mutation(Session, signed_in(on_behalf=True), fails=(NotFound,))
    async def end_impersonation(self, info: Info, input: impersonations.ImpersonationEnd) -> models.Session:
        """Let somebody act as a person no more: the token is worth nothing, its sockets close. Either side can."""
        return await impersonations.end(info.context.actor, input)
