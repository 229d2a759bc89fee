"""Passwords: Argon2id, off the event loop, a bounded number at a time."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

CONCURRENT = 2
"""Hashes at once in a process: each takes 64 MiB and a core for a fifth of a second."""

_hasher = PasswordHasher()


@cache
def _gate(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(CONCURRENT)


@cache
def _decoy() -> str:
    return _hasher.hash("nobody has this password")


async def hashed(password: str) -> str:
    async with _gate(asyncio.get_running_loop()):
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one. Without a stored one the work is the same, so that time tells nothing."""
    async with _gate(asyncio.get_running_loop()):
        return await asyncio.to_thread(_matches, password, stored)


def _matches(password: str, stored: str | None) -> bool:
    try:
        return _hasher.verify(stored or _decoy(), password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
