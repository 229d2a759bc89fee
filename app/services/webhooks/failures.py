"""What comes of failures: when to try again, when to leave an endpoint alone, to warn of it, to disable it.

A delivery is tried ten times in three days, as Standard Webhooks 1.0 suggests. An endpoint that has failed OPEN times
in a row is asked once in a while only, and nothing more is read of the log for it until it answers.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from app.core.clock import now

GAPS = tuple(
    timedelta(**gap)
    for gap in (
        {"seconds": 5},
        {"minutes": 5},
        {"minutes": 30},
        {"hours": 2},
        {"hours": 5},
        {"hours": 10},
        {"hours": 14},
        {"hours": 20},
        {"hours": 24},
    )
)
"""Between the attempts at a delivery, give or take JITTER."""
TRIES = len(GAPS) + 1
JITTER = 0.2
OPEN = 10
"""Failures in a row after which an endpoint is left alone for a while."""
REST, LONGEST_REST = timedelta(seconds=30), timedelta(hours=1)
"""For how long, doubled with every failure; the longest."""
WARNED_AFTER = timedelta(days=1)
"""So long without any success, and those who manage it are told."""
DISABLED_AFTER = timedelta(days=5)
BUSY = frozenset({429, 502, 503, 504})
"""Statuses whose Retry-After counts."""
LONGEST_WAIT = timedelta(days=1)
GONE = 410


def next_try(tries: int) -> datetime | None:
    """When to try again after so many attempts; None when it is enough."""
    return now() + _about(GAPS[tries - 1]) if tries < TRIES else None


def rest(failures: int) -> datetime:
    """Until when to leave an endpoint alone that has failed so often in a row, OPEN times at least."""
    return now() + _about(min(LONGEST_REST, REST * 2 ** min(failures - OPEN, 10)))


def asked_for(status: int, headers: Mapping[str, str]) -> datetime | None:
    """Until when an answer asks to be left alone, by `Retry-After` (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if status not in BUSY or not value:
        return None
    try:
        wanted = now() + timedelta(seconds=int(value)) if value.isascii() and value.isdigit() else _moment(value)
    except (ValueError, OverflowError):
        return None
    return min(wanted, now() + LONGEST_WAIT) if wanted > now() else None


def _moment(value: str) -> datetime:
    read = parsedate_to_datetime(value)
    if read.tzinfo is None:
        raise ValueError("a date of HTTP is in GMT")
    return read


def _about(pause: timedelta) -> timedelta:
    return pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter
