"""Turns: scopes of this process that would write the same documents wait for each other, instead of running in vain.

Two scopes that meet are a write conflict, and one of them runs again after a pause; on a document that everything goes
through, most of them do. In a turn they do not meet. The transaction stays the guard: other processes have turns of
their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from app.core import changes

_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]] = WeakKeyDictionary()
_mine: ContextVar[frozenset[str]] = ContextVar("turns", default=frozenset())


@asynccontextmanager
async def turn(*names: str) -> AsyncIterator[None]:
    """Wait for one's turn at these, and have it in the body.

    Who has it has it in what they call too. In a scope that is running nobody waits: that would hold others up.
    """
    mine = _mine.get()
    wanted = () if changes.scoped() else sorted(set(names) - mine)  # in order: no deadlock
    locks = _locks.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    async with AsyncExitStack() as stack:
        for name in wanted:
            await stack.enter_async_context(locks.setdefault(name, asyncio.Lock()))
        token = _mine.set(mine.union(wanted))
        try:
            yield
        finally:
            _mine.reset(token)
