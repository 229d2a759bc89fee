"""From events to jobs: the handler of the consumer that accepts them."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from app.core.changes.log import Change
from app.core.jobs import queue
from app.core.jobs.declaration import JobType


def accepting(
    types: Iterable[JobType[Any]], announce: Callable[[], Awaitable[None]]
) -> Callable[[Sequence[Change]], Awaitable[None]]:
    """A handler that makes the jobs which a page of the log causes, each once however often the page comes.

    It passes over events that this process does not know, so a release reaches the workers before anything that tells
    its new events.

    `announce` tells runners that there is something to do; nothing depends on its being heard. Raises ValueError for
    two jobs of one name.
    """
    by_event: dict[str, list[JobType[Any]]] = defaultdict(list)
    names: set[str] = set()
    for kind in types:
        if kind.type in names:
            raise ValueError(f"two jobs are named {kind.name}")
        names.add(kind.type)
        by_event[kind.event.type()].append(kind)

    async def accept(changes: Sequence[Change]) -> None:
        if await queue.put(by_event, changes):
            await announce()

    return accept
