"""Tasks that end when they are asked to.

`asyncio.wait_for` of Python 3.11 loses a cancellation that arrives just as what it waits for is done
(https://github.com/python/cpython/issues/81839), and PyMongo waits with it: a loop around database calls may never hear
that it was cancelled.
"""

import asyncio
from typing import Any

_ASK_AGAIN = 0.5


def cancelled() -> bool:
    """Whether the running task was asked to end, even if the request was lost. A question for the head of a loop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they raise."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_ASK_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
