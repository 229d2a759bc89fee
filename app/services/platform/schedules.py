"""Schedules: what the clock causes, when it did last, and stopping it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import NotFound
from app.core.jobs import CatchUp, JobType, Schedule, control
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.models import Job
from app.services.platform import acts
from app.services.platform.jobs import NEWEST

_declared: dict[str, JobType[Any]] = {}


class ScheduleAction(Command):
    """A schedule."""

    name: Annotated[str, Field(max_length=100)]


@dataclass(slots=True)
class ScheduleState(Value):
    """A schedule as it is now; `last_tick` is None before its first."""

    name: str
    type: str
    """Of the jobs that are its runs."""
    cron: str
    zone: str
    catch_up: CatchUp
    paused: bool
    last_tick: datetime | None
    next_tick: datetime


def declare(types: Iterable[JobType[Any]]) -> None:
    """Say which jobs there are; each process that shows schedules does so once, as it starts."""
    _declared.update((kind.name, kind) for kind in types if isinstance(kind.cause, Schedule))


async def states(actor: Actor) -> list[ScheduleState]:
    """Every schedule, by name."""
    found = await control.schedules(list(_declared.values()))
    return sorted((_state(figures) for figures in found), key=lambda state: state.name)


async def runs(actor: Actor, type: str, page: PageArgs) -> Page[Job]:
    """The jobs that a schedule has caused, newest first."""
    return await Job.page(actor, page, {"type": type}, NEWEST)


@changes.atomic
async def pause(actor: Actor, given: ScheduleAction) -> ScheduleState:
    """Let a schedule cause nothing more. Raises NotFound."""
    kind = _known(given.name)
    await control.pause_schedule(kind.name)
    return await _changed(actor, kind, "pause")


@changes.atomic
async def resume(actor: Actor, given: ScheduleAction) -> ScheduleState:
    """Let a schedule go on; what it missed is made good as its `catch_up` says. Raises NotFound."""
    kind = _known(given.name)
    await control.resume_schedule(kind.name)
    return await _changed(actor, kind, "resume")


@changes.atomic
async def run(actor: Actor, given: ScheduleAction) -> Job:
    """Run a schedule's job now, besides its ticks. Raises NotFound."""
    kind = _known(given.name)
    id = await control.run_now(kind)
    acts.tell(actor, "run", "schedule", kind.name)
    return await Job.require(actor, id)


async def _changed(actor: Actor, kind: JobType[Any], action: str) -> ScheduleState:
    acts.tell(actor, action, "schedule", kind.name)
    [figures] = await control.schedules([kind])
    return _state(figures)


def _known(name: str) -> JobType[Any]:
    if name not in _declared:
        raise NotFound("There is no schedule {name}.", path=["input", "name"], name=name)
    return _declared[name]


def _state(figures: control.ScheduleFigures) -> ScheduleState:
    return ScheduleState(
        name=figures.name,
        type=_declared[figures.name].type,
        cron=figures.cron,
        zone=figures.zone,
        catch_up=CatchUp(figures.catch_up),
        paused=figures.paused,
        last_tick=figures.last,
        next_tick=figures.next,
    )
