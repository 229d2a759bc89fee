"""Tasks that end when they are asked to.

`asyncio.wait_for` of Python 3.11 loses a cancellation that arrives just as what it waits for is done
(https://github.com/python/cpython/issues/81839), and PyMongo waits with it: a loop around database calls may never hear
that it was cancelled.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

_ASK_AGAIN = 0.5


def cancelled() -> bool:
    """Whether the running task was asked to end, even if the request was lost. A question for the head of a loop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def rest(seconds: float, wake: asyncio.Event) -> None:
    """Sleep for so long, or until an event is set, which is cleared."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass
    wake.clear()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they raise."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_ASK_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


class cutting:  # noqa: N801 - read as `with cutting(...)`
    """A block that can be cut short from outside: `cut(error)` cancels it, and the error comes out of it."""

    __slots__ = ("_reason", "_task")

    def __init__(self) -> None:
        self._reason: Exception | None = None

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._reason is not None and isinstance(error, asyncio.CancelledError) and self._task.uncancel() == 0:
            raise self._reason from None

    def cut(self, reason: Exception) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()


class within(cutting):  # noqa: N801 - read as `with within(seconds)`
    """A block that may take so many seconds, else TimeoutError: `asyncio.timeout` for what is entered all the time."""

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def __enter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        super().__exit__(kind, error, _)

    def _expire(self) -> None:
        self.cut(TimeoutError())
