"""Passwords: Argon2id, off the event loop, a bounded number at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.core.errors import Unavailable

CONCURRENT = 2
"""Hashes at once in a process: each takes 64 MiB and a core for a fifth of a second."""

WAITING = 50
"""Hashes that may wait for their turn; beyond, callers are refused at once: a flood keeps nobody out for long."""

_hasher = PasswordHasher()
_waiting = 0


class Busy(Unavailable):
    """Too many sign-ins at once."""

    code = "BUSY"


@cache
def _gate(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(CONCURRENT)


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    global _waiting
    if _waiting >= WAITING:
        raise Busy("Too many people are signing in. Try again in a moment.")
    _waiting += 1
    try:
        async with _gate(asyncio.get_running_loop()):
            yield
    finally:
        _waiting -= 1


@cache
def _decoy() -> str:
    return _hasher.hash("nobody has this password")


async def hashed(password: str) -> str:
    """The stored form. Raises Busy."""
    async with _turn():
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; without one the work is the same: time tells nothing. Raises Busy."""
    async with _turn():
        return await asyncio.to_thread(_matches, password, stored)


def _matches(password: str, stored: str | None) -> bool:
    try:
        return _hasher.verify(stored or _decoy(), password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
