"""Whose job comes next: organizations take turns, so that nobody's ten thousand hold up another's one.

Ready jobs of a queue and priority, a lane, are taken by their `turn`. A new one's is the turn that is being taken now,
or one more than the last of its organization that is still ready: fair queuing with every job counted alike. The rows
are all there is to know, and two processes that give turns at once do no harm.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING

from app.core import database
from app.core.changes.scope import session
from app.core.database import Document
from app.core.jobs.queue import JOBS, State

FEW = 20
"""Organizations that are asked for one by one: each answer is one key of an index, however large the crowd."""

Lane = tuple[str, int]


async def give_turns(rows: Sequence[Document]) -> None:
    """Set `turn` in rows that are about to become ready."""
    lanes: dict[Lane, list[Document]] = defaultdict(list)
    for row in rows:
        lanes[row["queue"], row["priority"]].append(row)
    for lane, members in lanes.items():
        present = await _present(lane)
        last = {} if present is None else await _last(lane, {row["organization_id"] for row in members})
        for row in members:
            organization = row["organization_id"]
            row["turn"] = last[organization] = max(present or 0, last.get(organization, -1) + 1)


async def _present(lane: Lane) -> int | None:
    """The turn that is being taken: the lowest among the ready jobs of a lane."""
    return await _edge(_ready(lane), ASCENDING)


async def _last(lane: Lane, organizations: Collection[Any]) -> dict[Any, int]:
    """The highest turn of each of these organizations that has ready jobs."""
    if len(organizations) <= FEW:
        edges = {one: await _edge({**_ready(lane), "organization_id": one}, DESCENDING) for one in organizations}
        return {organization: turn for organization, turn in edges.items() if turn is not None}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {**_ready(lane), "organization_id": {"$in": list(organizations)}}},
        {"$group": {"_id": "$organization_id", "turn": {"$max": "$turn"}}},
    ]
    found = await database.collection(JOBS).aggregate(pipeline, session=session(), hint="turns")
    return {group["_id"]: group["turn"] async for group in found}


async def _edge(where: Document, direction: int) -> int | None:
    row = await database.collection(JOBS).find_one(
        where, {"turn": 1, "_id": 0}, sort=[("turn", direction)], session=session()
    )
    return row["turn"] if row else None


def _ready(lane: Lane) -> Document:
    return {"queue": lane[0], "priority": lane[1], "state": State.READY.value}
