from datetime import datetime

import strawberry

from app.core.jobs import Queue as QueueName
from app.services.platform import queues

strawberry.enum(QueueName, name="QueueName", description="A class of jobs.")


@strawberry.type(description="Jobs of a queue by state; those that ended well are not counted.")
class JobCounts:
    waiting: int
    ready: int
    running: int
    retry: int
    dead: int


@strawberry.type(description="A class of jobs, with slots of its own in each worker.")
class Queue:
    name: QueueName = strawberry.field(resolver=lambda root: root.queue)
    paused: bool = strawberry.field(description="Whether no more of its jobs begin.")
    counts: JobCounts
    oldest_ready_at: datetime | None = strawberry.field(
        description="When the job was made that has been ready longest; null when none is."
    )

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, queues.QueueState)
