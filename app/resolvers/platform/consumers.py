import strawberry

from app import models
from app.core.changes.operations import ConsumerFigures
from app.core.errors import NotFound
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.platform.consumers import ChangeLog, Consumer
from app.services.platform import consumers

READ = staff(models.Duty.OPERATIONS_READ)
CONTROL = staff(models.Duty.OPERATIONS_CONTROL)


@strawberry.type
class Query:
    @query(ChangeLog, READ)
    async def change_log(self, info: Info) -> consumers.LogState:
        """The log of changes, and how far its sequencer is."""
        return await consumers.log(info.context.actor)

    @query(list[Consumer], READ)
    async def consumers(self, info: Info) -> list[ConsumerFigures]:
        """The durable readers of the log, by name, and how far each is."""
        return await consumers.states(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(Consumer, CONTROL, fails=(NotFound,))
    async def pause_consumer(self, info: Info, input: consumers.ConsumerAction) -> ConsumerFigures:
        """Stop a reader of the log, wherever it runs, within seconds; what it was at comes again when it is resumed."""
        return await consumers.pause(info.context.actor, input)

    @mutation(Consumer, CONTROL, fails=(NotFound,))
    async def resume_consumer(self, info: Info, input: consumers.ConsumerResumption) -> ConsumerFigures:
        """Let a reader of the log go on from where it stood."""
        return await consumers.resume(info.context.actor, input)
