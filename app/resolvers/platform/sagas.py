import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.core.sagas import SagaState
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.nodes import key
from app.schema.platform.sagas import Saga
from app.services.platform import sagas

READ = staff(models.Duty.OPERATIONS_READ)
CONTROL = staff(models.Duty.OPERATIONS_CONTROL)


@strawberry.type
class Query:
    @connection(Saga, READ)
    async def sagas(self, info: Info, page: PageArgs, state: SagaState | None = None) -> Page[models.Saga]:
        """The sagas of all organizations, newest first; those that ended are kept for 90 days."""
        return await sagas.newest(info.context.actor, page, state)

    @query(Saga | None, READ)
    async def saga(self, info: Info, id: strawberry.ID) -> models.Saga | None:
        """A saga."""
        return await sagas.find(info.context.actor, key(id, Saga))


@strawberry.type
class Mutation:
    @mutation(Saga, CONTROL, fails=(NotFound,))
    async def resume_saga(self, info: Info, input: sagas.SagaAction) -> models.Saga:
        """Let a stuck saga try its step again, now that what stopped it is mended."""
        return await sagas.resume(info.context.actor, input)

    @mutation(Saga, CONTROL, fails=(NotFound,))
    async def cancel_saga(self, info: Info, input: sagas.SagaCancellation) -> models.Saga:
        """Let a saga take back what it did: at once, or as soon as the step that is being taken has ended."""
        return await sagas.cancel(info.context.actor, input)
