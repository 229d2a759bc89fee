"""Dates and ids of the demonstration data. Both follow from one anchor, so that the same data come out each time."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from bson import ObjectId

from app.core.clock import derived_id

_MICROS_SHIFT = 44


def id_at(moment: datetime, name: str) -> ObjectId:
    """The id of what is called `name` and was made at a moment; laid out like those of `core.clock.new_id`."""
    seconds, milliseconds = divmod(round(moment.timestamp() * 1000), 1000)
    tail = (milliseconds * 1000) << _MICROS_SHIFT
    return derived_id(ObjectId(seconds.to_bytes(4, "big") + tail.to_bytes(8, "big")), name)


def timeline(seed: str, first: datetime, last: datetime, blocks: Sequence[int]) -> list[datetime]:
    """When each message was sent: blocks of so many messages, minutes apart, spread over the days; the last at `last`.

    Blocks should be half a day or more apart, for they are moved into the hours of work.
    """
    dice = random.Random(seed)  # noqa: S311 - the same each time
    step = (last - first) / max(1, len(blocks) - 1)
    moments: list[datetime] = []
    for index, length in enumerate(blocks, 1):
        moment = last if index == len(blocks) else _at_work(first + step * (index - 1))
        block = [moment]
        for _ in range(length - 1):
            block.append(block[-1] - timedelta(seconds=dice.randint(20, 400)))
        moments += reversed(block)
    return moments


def _at_work(moment: datetime) -> datetime:
    """The moment of the same day, between 8 and 18 o'clock, that lies as far into it."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((moment - midnight).total_seconds() * 10 / 24)
    return midnight + timedelta(hours=8, seconds=seconds)
