from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime

import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query, subscription
from app.schema.kit.filters import in_utc, tree
from app.schema.kit.nodes import key
from app.schema.platform.jobs import DeadJobs, Job, JobFilter
from app.services.platform import jobs

READ = staff(models.Duty.OPERATIONS_READ)
CONTROL = staff(models.Duty.OPERATIONS_CONTROL)


@strawberry.type
class Query:
    @connection(Job, READ)
    async def jobs(self, info: Info, page: PageArgs, filter: JobFilter | None = None) -> Page[models.Job]:
        """The jobs of all organizations, newest first; those that ended well are kept for a week."""
        return await jobs.newest(info.context.actor, page, tree(filter))

    @query(Job | None, READ)
    async def job(self, info: Info, id: strawberry.ID) -> models.Job | None:
        """A job."""
        return await jobs.find(info.context.actor, key(id, Job))


@strawberry.type
class Mutation:
    @mutation(Job, CONTROL, fails=(NotFound,))
    async def retry_job(self, info: Info, input: jobs.JobAction) -> models.Job:
        """Let a job that failed or was cancelled run again now, with all its attempts."""
        return await jobs.retry(info.context.actor, input)

    @mutation(Job, CONTROL, fails=(NotFound,))
    async def cancel_job(self, info: Info, input: jobs.JobAction) -> models.Job:
        """Stop a job: at once while it waits, within seconds while it runs."""
        return await jobs.cancel(info.context.actor, input)

    @mutation(Job, CONTROL, fails=(NotFound,))
    async def drop_job(self, info: Info, input: jobs.JobAction) -> models.Job:
        """Give up a dead job; it can be retried for another week."""
        return await jobs.drop(info.context.actor, input)

    @mutation(DeadJobs, CONTROL, fails=(NotFound,))
    async def retry_dead_jobs(
        self, info: Info, filter: JobFilter | None = None, died_before: datetime | None = None
    ) -> jobs.DeadJobs:
        """Let the dead jobs that match run again, the oldest 1,000 at once that died before a moment, or before now."""
        return await jobs.retry_dead(info.context.actor, tree(filter), _moment(died_before))

    @mutation(DeadJobs, CONTROL, fails=(NotFound,))
    async def drop_dead_jobs(
        self, info: Info, filter: JobFilter | None = None, died_before: datetime | None = None
    ) -> jobs.DeadJobs:
        """Give up the dead jobs that match, the oldest 1,000 at once that died before a moment, or before now."""
        return await jobs.drop_dead(info.context.actor, tree(filter), _moment(died_before))


@strawberry.type
class Subscription:
    @subscription(Job, READ)
    async def job_progress(self, info: Info, id: strawberry.ID) -> AsyncIterator[models.Job]:
        """A job now, and whenever it has changed, looked at once a second; it completes when the job has ended."""
        async with aclosing(jobs.follow(info.context.actor, key(id, Job))) as seen:
            async for job in seen:
                info.context.share(None)
                yield job


def _moment(died_before: datetime | None) -> datetime | None:
    return died_before and in_utc(died_before, ["diedBefore"])
