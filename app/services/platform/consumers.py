"""The change log and its durable readers, as staff sees and stops them."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.changes import operations
from app.core.changes.operations import ConsumerFigures, ConsumerNotFound, LogFigures
from app.core.clock import now
from app.core.commands import Command
from app.core.jobs import acceptance
from app.services.platform import acts


class ConsumerAction(Command):
    """A consumer of the log."""

    name: Annotated[str, Field(max_length=100)]


class ConsumerResumption(ConsumerAction):
    """A consumer of the log, and whether it may leave out what was trimmed while it stood still."""

    skip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState(LogFigures):
    """The log as it stands, and what was read of it by no worker: events of a release that none of them knows."""

    unread_events: int
    unread_since: datetime | None
    """When the first of them was numbered."""


async def log(actor: Actor) -> LogState:
    """The log as it stands. Raises RuntimeError before it was prepared."""
    figures, unread = await operations.stream(), await acceptance.unread()
    return LogState(**asdict(figures), unread_events=unread.count, unread_since=unread.since)


async def states(actor: Actor) -> list[ConsumerFigures]:
    """Every consumer that ever ran, by name."""
    return await operations.consumers()


@changes.atomic
async def pause(actor: Actor, given: ConsumerAction) -> ConsumerFigures:
    """Stop a consumer, wherever it runs. Raises ConsumerNotFound."""
    found = await _named(given.name)
    await operations.pause(given.name)
    acts.tell(actor, "pause", "consumer", given.name)
    return replace(found, paused_at=found.paused_at or now(), owner=None, since=None)


@changes.atomic
async def resume(actor: Actor, given: ConsumerResumption) -> ConsumerFigures:
    """Let a consumer go on from where it stood. Raises ConsumerNotFound or ConsumerLeftBehind."""
    found = await _named(given.name)
    await operations.resume(given.name, skip=given.skip)
    acts.tell(actor, "resume", "consumer", given.name)
    return replace(found, paused_at=None, position=found.position and found.position + found.lost, lost=0)


@changes.atomic
async def forget(actor: Actor, given: ConsumerAction) -> None:
    """Delete what is kept of a consumer that is no more. Raises ConsumerNotFound, and ConsumerRuns while it runs."""
    await operations.forget(given.name)
    acts.tell(actor, "forget", "consumer", given.name)


async def _named(name: str) -> ConsumerFigures:
    """A consumer as it stands outside the scope: what the log holds cannot be read in one."""
    for figures in await changes.apart(operations.consumers):
        if figures.name == name:
            return figures
    raise ConsumerNotFound("There is no consumer {name}.", path=["input", "name"], name=name)
