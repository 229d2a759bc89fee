"""Working off what has come due: row by row, until nothing is left."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from app.core.actor import Actor
from app.core.errors import Unavailable
from app.core.metrics import STUCK
from app.core.paging import Order
from app.models.base import StoredRow, Where

R = TypeVar("R", bound=StoredRow)

BATCH = 100
"""Rows that are read at once."""

_log = structlog.stdlib.get_logger(__name__)


async def work_off(
    model: type[R], actor: Actor, where: Where, order: Order, step: Callable[[R], Awaitable[object]]
) -> int:
    """Take a step with each row on which a condition holds, until there is none; answers how many steps were taken.

    A row may come again, at another place in the order. One with which no step can be taken, or on which the condition
    holds at the same place after it, is left for the next time and holds up no others; logs and metrics name it.
    """
    done, left, seen = 0, list[ObjectId](), dict[ObjectId, Any]()
    while rows := await model.select(actor, _without(where, left), order=order, limit=BATCH):
        for row in rows:
            place = [getattr(row, key) for key in order.keys if key != "_id"]
            if seen.get(row.id) == place:
                left.append(row.id)
                continue
            seen[row.id] = place
            try:
                await step(row)
                done += 1
            except PyMongoError:
                raise  # it is not the row's fault, and the next would fare no better
            except Exception as error:
                if type(error) is Unavailable:
                    raise
                left.append(row.id)
                STUCK.labels(model.collection).inc()
                _log.exception("row_stuck", of=model.collection, id=str(row.id))
    return done


def _without(where: Where, ids: list[ObjectId]) -> Where:
    return {"$and": [where, {"_id": {"$nin": ids}}]} if ids else where
