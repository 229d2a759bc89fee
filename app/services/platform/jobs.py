"""Jobs, as staff sees and steers them, in every organization."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from weakref import WeakValueDictionary

import orjson
from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filterable, Tree
from app.core.jobs import State, control
from app.core.jobs.queue import UNFINISHED
from app.core.machines import Machine, Transition, only_platform
from app.core.paging import Order, Page, PageArgs
from app.core.rows import Value
from app.core.sampling import Sampling
from app.models import Job
from app.services.platform import acts

NEWEST = Order(("created_at", "_id"))
OLDEST = Order(("created_at", "_id"), descending=False)
FILTERABLE = Filterable(frozenset({"type", "queue", "state", "organization_id", "created_at", "finished_at"}))
"""Not `last_error`, which may hold secrets that are not shown: who may search in a text can guess it."""
MAX_WORDS = 500
"""Characters of a filter that are told of."""

_followed: WeakValueDictionary[ObjectId, Sampling[Job | None]] = WeakValueDictionary()


class JobAction(Command):
    """A job."""

    job_id: Annotated[ObjectId, Ref("Job")]


@dataclass(slots=True)
class DeadJobs(Value):
    """What became of dead jobs: how many were changed, and whether there are more that one call does not reach.

    Given `until` as `died_before`, the next call goes on with those, and not with what has died again meanwhile.
    """

    count: int
    more: bool
    until: datetime


_WAITING, _READY, _RUNNING, _RETRY = State.WAITING, State.READY, State.RUNNING, State.RETRY
JOB = Machine(
    Transition("become_due", frozenset({_WAITING, _RETRY}), _READY, only_platform),
    Transition("begin", frozenset({_READY}), _RUNNING, only_platform),
    Transition("finish", frozenset({_RUNNING}), State.DONE, only_platform),
    Transition("fail", frozenset({_RUNNING}), _RETRY, only_platform),
    Transition("die", frozenset({_RUNNING}), State.DEAD, only_platform),
    Transition("retry", frozenset(control.AGAIN), _READY),
    Transition("cancel", frozenset(UNFINISHED), State.CANCELLED),
    Transition("drop", frozenset({State.DEAD}), State.DROPPED),
)
"""The life of a job. Who may see one may do to it what is not the platform's."""


async def newest(actor: Actor, page: PageArgs, filter: Tree | None = None) -> Page[Job]:
    """Jobs, the one that was made last first."""
    return await Job.page(actor, page, FILTERABLE.mongo(filter) if filter else None, NEWEST)


async def latest(actor: Actor, limit: int, filter: Tree) -> list[Job]:
    """The jobs that match and were made last, so many at most."""
    return await Job.select(actor, FILTERABLE.mongo(filter), order=NEWEST, limit=limit)


async def get(actor: Actor, id: ObjectId) -> Job:
    """The job. Raises NotFound."""
    return await Job.require(actor, id)


async def find(actor: Actor, id: ObjectId) -> Job | None:
    return await Job.lookup(actor, _id=id)


async def beginning(actor: Actor, start: str) -> ObjectId:
    """The id of the one job whose id begins so. Raises Invalid for what is no such beginning, or of several."""
    digits = start.removeprefix("Job_").lower()
    if not re.fullmatch("[0-9a-f]{4,24}", digits):
        raise Invalid("“{start}” is not the id of a job: give 4 of its digits or more.", start=start)
    span = {"$gte": ObjectId(digits.ljust(24, "0")), "$lte": ObjectId(digits.ljust(24, "f"))}
    found = await Job.select(actor, {"_id": span}, fields=frozenset(), limit=2)
    if not found:
        raise NotFound("There is no job {start}.", start=start)
    if len(found) > 1:
        raise Invalid("Several jobs have ids that begin with {start}: give more of it.", start=start)
    return found[0].id


@changes.atomic
async def retry(actor: Actor, given: JobAction) -> Job:
    """Let a job run again now, with all its attempts. Raises NotFound, IllegalTransition or Conflict."""
    return await _move(actor, given.job_id, "retry", control.retry)


@changes.atomic
async def cancel(actor: Actor, given: JobAction) -> Job:
    """Stop a job: at once while it waits, within seconds while it runs. Raises as `retry` does."""
    return await _move(actor, given.job_id, "cancel", control.cancel)


@changes.atomic
async def drop(actor: Actor, given: JobAction) -> Job:
    """Give up a dead job. Raises as `retry` does."""
    return await _move(actor, given.job_id, "drop", control.drop)


@changes.atomic
async def retry_dead(actor: Actor, filter: Tree | None = None, died_before: datetime | None = None) -> DeadJobs:
    """Let the dead jobs that match run again, the oldest `control.MOST` of them.

    Those only whose last attempt began before a moment, which is never later than now.
    """
    return await _move_dead(actor, filter, died_before, "retry", control.retry_all)


@changes.atomic
async def drop_dead(actor: Actor, filter: Tree | None = None, died_before: datetime | None = None) -> DeadJobs:
    """Give up the dead jobs that match, as `retry_dead` chooses them."""
    return await _move_dead(actor, filter, died_before, "drop", control.drop_all)


async def follow(actor: Actor, id: ObjectId) -> AsyncGenerator[Job, None]:
    """The job now, and whenever it has changed, until it has ended. Raises NotFound."""
    if await find(actor, id) is None:
        raise NotFound("There is no such {kind}.", kind="Job")
    sampling = _followed.get(id) or Sampling(partial(find, Actor.platform(), id), _shown)
    _followed[id] = sampling
    async with aclosing(sampling.follow()) as seen:
        async for job in seen:
            if job is None:
                return
            yield job
            if job.state not in UNFINISHED:
                return


def _shown(job: Job | None) -> object:
    """What is worth telling when it changes; a lease is renewed every few seconds."""
    return job and (job.state, job.attempt, job.cancel, job.progress, job.last_error)


async def _move(actor: Actor, id: ObjectId, name: str, act: Callable[[ObjectId], Awaitable[bool]]) -> Job:
    JOB.check(actor, await Job.require(actor, id), name)
    if not await act(id):
        raise Conflict("Somebody else changed it first: look again.")
    acts.tell(actor, name, "job", id)
    return await Job.require(actor, id)


async def _move_dead(
    actor: Actor,
    filter: Tree | None,
    died_before: datetime | None,
    name: str,
    act: Callable[[dict[str, object]], Awaitable[int]],
) -> DeadJobs:
    moment = await changes.apart(database.moment)
    until = min(died_before or moment, moment)
    dead = {"$and": [{"state": State.DEAD.value}, _begun_before(until), FILTERABLE.mongo(filter or {})]}
    found = await Job.select(actor, dead, fields=frozenset(), order=OLDEST, limit=control.MOST + 1)
    ids = [job.id for job in found[: control.MOST]]
    if ids and await act({"_id": {"$in": ids}}) != len(ids):
        raise Conflict("Somebody else changed some of them: look again.")
    if ids:
        words = orjson.dumps(filter or {}, default=str).decode()[:MAX_WORDS]
        acts.tell(actor, name, "dead jobs", f"{len(ids)} that match {words}")
    return DeadJobs(len(ids), len(found) > len(ids), until)


def _begun_before(moment: datetime) -> dict[str, object]:
    """The condition that the last attempt began before a moment; what was dead when it was made had none."""
    earlier = {"$lt": moment}
    return {"$or": [{"started_at": earlier}, {"started_at": None, "created_at": earlier}]}
