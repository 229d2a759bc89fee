from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from app import models
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query, subscription
from app.schema.platform.queues import Queue
from app.services.platform import queues
from app.services.platform.queues import QueueState

READ = staff(models.Duty.OPERATIONS_READ)
CONTROL = staff(models.Duty.OPERATIONS_CONTROL)


@strawberry.type
class Query:
    @query(list[Queue], READ)
    async def queues(self, info: Info) -> list[QueueState]:
        """The classes of jobs, and how many wait in each."""
        return await queues.states(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(Queue, CONTROL)
    async def pause_queue(self, info: Info, input: queues.QueueAction) -> QueueState:
        """Let no more jobs of a queue begin, in any worker; those that run go on."""
        return await queues.pause(info.context.actor, input)

    @mutation(Queue, CONTROL)
    async def resume_queue(self, info: Info, input: queues.QueueAction) -> QueueState:
        """Let jobs of a queue begin again."""
        return await queues.resume(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(list[Queue], READ)
    async def job_counts(self, info: Info) -> AsyncIterator[list[QueueState]]:
        """The queues now, and whenever a count has changed, looked at once a second."""
        async with aclosing(queues.follow(info.context.actor)) as seen:
            async for counted in seen:
                yield counted
