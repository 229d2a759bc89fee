"""Whether MongoDB is set up for what Atrium does with it."""

import structlog
from pymongo.errors import OperationFailure

from app.core import database

TRANSACTION_SECONDS = 30
"""Nobody can write what a client had in a transaction when it was killed, for as long as the server lets that live."""
OPLOG_HOURS = 24.0
"""Events of single documents stand in the oplog only while no sequencer runs: this is the time to start one."""
_JUDGED_HOURS = 1.0
"""A younger oplog says nothing of how much is written in a day."""
_NOT_TOLD = {13, 59, 115, 8000}
"""Unauthorized, no such command, not supported, and a hosted service's own refusal."""

_log = structlog.stdlib.get_logger(__name__)


class UnsuitableServer(Exception):
    """MongoDB's settings would harm people; the message says which to change."""


async def check() -> None:
    """Raises UnsuitableServer. A server that does not let itself be asked is believed to be right."""
    admin = database.client().admin
    try:
        answer = await admin.command("getParameter", 1, transactionLifetimeLimitSeconds=1)
    except OperationFailure as error:
        if error.code not in _NOT_TOLD:
            raise
        _log.warning("mongodb_not_judged", setting="transactionLifetimeLimitSeconds")
        return
    seconds = answer["transactionLifetimeLimitSeconds"]
    if seconds > TRANSACTION_SECONDS:
        raise UnsuitableServer(
            f"MongoDB keeps the locks of a dead client for {seconds} s; start every mongod with "
            f"--setParameter transactionLifetimeLimitSeconds=5 (at most {TRANSACTION_SECONDS})"
        )


async def check_oplog() -> None:
    """Warn when the oplog would be full within OPLOG_HOURS, at the rate of what is in it."""
    hours = await oplog_hours()
    if hours is not None and hours < OPLOG_HOURS:
        advice = "set storage.oplogMinRetentionHours to 72, or make the oplog larger"
        _log.warning("oplog_is_short", hours=round(hours, 1), advice=advice)


async def oplog_hours() -> float | None:
    """For how long the oplog reaches back once it is full; None while that cannot be told."""
    local = database.client().local
    try:
        sizes = await local.command("collStats", "oplog.rs")
        ends = [await local["oplog.rs"].find_one({}, {"ts": 1}, sort=[("$natural", order)]) for order in (1, -1)]
    except OperationFailure:
        return None
    first, last = (row["ts"].time if row else 0 for row in ends)
    hours = (last - first) / 3600
    if hours < _JUDGED_HOURS or not sizes["size"]:
        return None
    return float(hours * max(1.0, sizes["maxSize"] / sizes["size"]))
