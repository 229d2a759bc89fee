"""What operators see of the log and its consumers, and what they can do: pause, resume, forget.

What they do is a part of an @atomic scope that is running, so that it can be told, or rehearsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.core import database, leases
from app.core.changes import log
from app.core.changes.log import CONSUMERS, LEASE, LOG, SEQUENCER
from app.core.changes.scope import session
from app.core.clock import now
from app.core.database import Document
from app.core.errors import Conflict, NotFound
from app.core.rows import Value

_log = structlog.stdlib.get_logger(__name__)

_OWNED: Mapping[str, Any] = {"$gt": ["$until", "$$NOW"]}


class ConsumerNotFound(NotFound):
    """No consumer of that name ever ran."""

    code = "CONSUMER_NOT_FOUND"


class ConsumerRuns(Conflict):
    """Some process runs it."""

    code = "CONSUMER_RUNS"


class ConsumerLeftBehind(Conflict):
    """The log was trimmed above where it stands."""

    code = "CONSUMER_LEFT_BEHIND"


@dataclass(frozen=True, slots=True)
class ConsumerFigures(Value):
    """One consumer as it stands, for all processes together."""

    name: str
    position: int | None
    """The last change it has done with; None when it never began."""
    lag: int
    """Rows that it has still to read."""
    lag_seconds: float
    """The age of the first of them, 0 without any."""
    lost: int
    """Rows that were trimmed before it read them: it stands still until it is resumed with `skip`."""
    owner: str | None
    """Who runs it, as `host:process:place:random`."""
    since: datetime | None
    """When that one took over."""
    paused_at: datetime | None
    restarts: int
    """How often it began again after a failure."""
    last_error: str | None
    last_error_at: datetime | None
    last_error_position: int | None
    """The first change of the page that could not be handled; None when the failure was another."""

    @property
    def failing(self) -> bool:
        """Whether it has not got past what failed last."""
        return self.last_error_position is not None and self.last_error_position > (self.position or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFigures:
    """The log as it stands."""

    head: int
    floor: int
    epoch: int
    seen: datetime
    """The commit up to which all is in the log for certain. It moves at least every ten seconds."""
    lag_seconds: float
    """The age of `seen`: beyond the oplog's window, events are lost."""
    owner: str | None
    """Who runs the sequencer."""
    since: datetime | None
    rows: int
    rows_of_last_day: int
    oldest: datetime | None
    """When the first row above the floor was written."""


async def consumers() -> list[ConsumerFigures]:
    """Every consumer that ever ran, by name."""
    floor, head = (await log.state()).floor, await log.head()
    rows = await database.collection(CONSUMERS).find({}, _with_owner()).sort("_id", 1).to_list()
    return [await _figures(row, floor, head) for row in rows]


async def position_of(name: str) -> int:
    """How far a consumer has come; 0 for one that never ran."""
    row = await database.collection(CONSUMERS).find_one({"_id": name}, {"position": 1}, session=session())
    return (row or {}).get("position") or 0


async def stream() -> LogFigures:
    """Raises RuntimeError before `prepare` has run."""
    row = await database.collection(SEQUENCER).find_one({"_id": LOG})
    if row is None:
        raise RuntimeError("the change log is not set up: prepare() comes first")
    leader = await database.collection(SEQUENCER).find_one({"_id": LEASE}, _with_owner()) or {}
    head = await log.head()
    return LogFigures(
        head=head,
        floor=row["floor"],
        epoch=row["epoch"],
        seen=row["seen"],
        lag_seconds=_age(row["seen"]),
        owner=leader.get("owner"),
        since=leader.get("since"),
        rows=head - row["floor"],
        rows_of_last_day=head - await log.position_at(now() - timedelta(days=1)),
        oldest=await _written(row["floor"]),
    )


async def pause(name: str) -> None:
    """Stop a consumer, wherever it runs, within two seconds; no process takes it up until `resume`.

    The page that it was at comes again then. `trim` waits for it as long as the log is kept and no longer. Raises
    ConsumerNotFound.
    """
    stopped = {"paused_at": {"$ifNull": ["$paused_at", "$$NOW"]}}
    result = await database.collection(CONSUMERS).update_one(
        {"_id": name}, [{"$set": stopped}, {"$unset": list(leases.HELD)}], session=session()
    )
    if not result.matched_count:
        raise _unknown(name)
    _log.warning("consumer_paused", consumer=name)


async def resume(name: str, *, skip: bool = False) -> None:
    """Let a consumer run again, from where it stood; `skip` lets it leave out what was trimmed meanwhile.

    Raises ConsumerNotFound, and ConsumerLeftBehind when something was trimmed and it may not be left out.
    """
    row = await database.collection(CONSUMERS).find_one({"_id": name}, session=session())
    if row is None:
        raise _unknown(name)
    floor = (await log.state()).floor
    lost = _lost(row, floor)
    if lost and not skip:
        raise ConsumerLeftBehind(
            "{lost} changes were trimmed before {name} read them. Resume it with skip to go on.", lost=lost, name=name
        )
    modifiers: dict[str, Any] = {"$unset": {"paused_at": ""}}
    if lost:
        modifiers["$max"] = {"position": floor}
    await database.collection(CONSUMERS).update_one({"_id": name}, modifiers, session=session())
    _log.warning("consumer_resumed", consumer=name, lost=lost)


async def forget(name: str) -> None:
    """Delete what is kept of a consumer that is no more, so that `trim` waits for it no longer.

    One that runs again later begins as if it were new. Raises ConsumerNotFound, and ConsumerRuns while it runs.
    """
    free = {"_id": name, "$expr": {"$not": [_OWNED]}}
    if (await database.collection(CONSUMERS).delete_one(free, session=session())).deleted_count:
        _log.warning("consumer_forgotten", consumer=name)
    elif await database.collection(CONSUMERS).find_one({"_id": name}, session=session()):
        raise ConsumerRuns("{name} is running. Pause it first.", name=name)
    else:
        raise _unknown(name)


async def _figures(row: Document, floor: int, head: int) -> ConsumerFigures:
    position = row.get("position")
    next_at = await _written(max(position or 0, floor))
    return ConsumerFigures(
        name=row["_id"],
        position=position,
        lag=max(0, head - max(position or 0, floor)),
        lag_seconds=_age(next_at) if next_at else 0.0,
        lost=_lost(row, floor),
        owner=row.get("owner"),
        since=row.get("since"),
        paused_at=row.get("paused_at"),
        restarts=row.get("restarts", 0),
        last_error=row.get("error"),
        last_error_at=row.get("error_at"),
        last_error_position=row.get("error_position"),
    )


def _with_owner() -> dict[str, Any]:
    """A projection of the fields of a consumer or the sequencer's lease; one that has run out has no owner."""
    plain = ("position", "paused_at", "restarts", "error", "error_at", "error_position")
    held = {name: {"$cond": [_OWNED, f"${name}", "$$REMOVE"]} for name in ("owner", "since")}
    return {**dict.fromkeys(plain, 1), **held}


async def _written(after: int) -> datetime | None:
    """When the first row after a position was written."""
    row = await log.majority().find_one({"_id": {"$gt": after}}, {"at": 1}, sort=[("_id", 1)])
    return row["at"] if row else None


def _lost(row: Document, floor: int) -> int:
    return max(0, floor - row["position"]) if "position" in row else 0


def _age(moment: datetime) -> float:
    return max(0.0, (now() - moment).total_seconds())


def _unknown(name: str) -> ConsumerNotFound:
    return ConsumerNotFound("There is no consumer {name}.", name=name)
