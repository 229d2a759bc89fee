"""Queues of jobs: how full they are, and stopping them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.jobs import Queue, State, control
from app.core.rows import Value
from app.core.sampling import Sampling
from app.services.platform import acts


class QueueAction(Command):
    """A queue."""

    queue: Queue


@dataclass(slots=True)
class Counts(Value):
    """Jobs of a queue by state; those that ended well are not counted."""

    waiting: int
    ready: int
    running: int
    retry: int
    dead: int


@dataclass(slots=True)
class QueueState(Value):
    """A queue as it is now; `oldest_ready_at` is when the job was made that has been ready longest."""

    queue: Queue
    paused: bool
    counts: Counts
    oldest_ready_at: datetime | None


_sampled = Sampling(lambda: states(Actor.platform()))


async def states(actor: Actor) -> list[QueueState]:
    """Every queue."""
    return [_state(figures) for figures in await control.figures()]


async def follow(actor: Actor) -> AsyncGenerator[list[QueueState], None]:
    """Every queue now, and whenever a count has changed, within a second; all who follow share one look."""
    async with aclosing(_sampled.follow()) as seen:
        async for queues in seen:
            yield queues


@changes.atomic
async def pause(actor: Actor, given: QueueAction) -> QueueState:
    """Let no more jobs of a queue begin; those that run go on."""
    await control.pause(given.queue)
    return await _changed(actor, given.queue, "pause")


@changes.atomic
async def resume(actor: Actor, given: QueueAction) -> QueueState:
    """Let jobs of a queue begin again."""
    await control.resume(given.queue)
    return await _changed(actor, given.queue, "resume")


async def _changed(actor: Actor, queue: Queue, action: str) -> QueueState:
    acts.tell(actor, action, "queue", queue.value)
    return next(state for state in await states(actor) if state.queue is queue)


def _state(figures: control.QueueFigures) -> QueueState:
    waiting = (State.WAITING, State.READY, State.RUNNING, State.RETRY, State.DEAD)
    counts = Counts(*(figures.counts.get(state, 0) for state in waiting))
    return QueueState(figures.queue, figures.paused, counts, figures.oldest_ready)
