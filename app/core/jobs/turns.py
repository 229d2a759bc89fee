"""Whose job comes next: organizations take turns, so that nobody's ten thousand hold up another's one.

Ready jobs of a queue and priority are taken by their `turn`. A new one's is the turn that is being taken now, or one
more than its organization's last: fair queuing with every job counted alike. What is kept here is a memory of the last
turns; the rows are the truth, and two processes that give turns at once do no harm.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING

from app.core import database
from app.core.changes.scope import session
from app.core.database import Document

_REMEMBERED = 10_000

Lane = tuple[str, int]
_last: dict[Lane, dict[Any, int]] = defaultdict(dict)


async def give_turns(rows: Sequence[Document]) -> None:
    """Set `turn` in rows that are about to become ready."""
    lanes: dict[Lane, list[Document]] = defaultdict(list)
    for row in rows:
        lanes[row["queue"], row["priority"]].append(row)
    for lane, members in lanes.items():
        present = await _edge(lane, ASCENDING)
        last = _last[lane]
        if present is None or len(last) > _REMEMBERED:
            last.clear()
        for row in members:
            organization = row["organization_id"]
            if organization not in last:
                newest = None if present is None else await _edge(lane, DESCENDING, organization_id=organization)
                last[organization] = -1 if newest is None else newest
            row["turn"] = last[organization] = max(present or 0, last[organization] + 1)


async def _edge(lane: Lane, direction: int, **of: Any) -> int | None:
    """The first or the last turn among the ready jobs of a lane."""
    where = {"queue": lane[0], "priority": lane[1], "state": "ready", **of}
    row = await database.collection("jobs").find_one(
        where, {"turn": 1, "_id": 0}, sort=[("turn", direction)], session=session()
    )
    return row["turn"] if row else None
