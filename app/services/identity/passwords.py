"""Passwords: which will do, and how they are kept: Argon2id, off the event loop, a bounded number at a time."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Annotated, Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from pydantic import Field, StringConstraints
from zxcvbn_rs_py import zxcvbn

from app.core.errors import Invalid, Unavailable
from app.core.settings import settings
from app.integrations import breaches

T = TypeVar("T")

CONCURRENT = 2
"""Hashes at once in a process: each takes memory, and a core for a fifth of a second."""

NICE = 5
"""How far hashes stand back behind whatever else wants a core: others must not feel a crowd that signs in."""

WAITING = 40
"""Hashes that may wait for their turn; beyond, callers are refused at once: a flood keeps nobody out for long."""

STRONG = 3
"""The score of zxcvbn, of 4, from which a password will do: more than 10^8 guesses."""

JUDGED = 100
"""Characters that are judged: the work grows with the square of their number."""

GivenPassword = Annotated[str, StringConstraints(max_length=200, strip_whitespace=False), Field(repr=False)]
"""What somebody says is their password: any, so that none is refused but for being wrong."""

_waiting = _inside = 0


class Busy(Unavailable):
    """Too many sign-ins at once."""

    code = "BUSY"


class WeakPassword(Invalid):
    """Somebody who knows the person, or has a list of common passwords, would find it soon."""

    code = "WEAK_PASSWORD"


class BreachedPassword(Invalid):
    """It is known from a breach of some other service."""

    code = "BREACHED_PASSWORD"


@cache
def _gate(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(CONCURRENT)


@contextmanager
def place() -> Iterator[None]:
    """A place for one who signs in, before anything is looked up for them: others do not feel a crowd. Raises Busy."""
    global _inside
    if _inside >= CONCURRENT + WAITING:
        raise Busy("Too many people are signing in. Try again in a moment.")
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1


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
def _hasher() -> PasswordHasher:
    # One lane: it runs in the thread that stands back, and not in new ones beside it.
    return PasswordHasher(memory_cost=settings().password_memory_mib * 1024, parallelism=1)


def _stand_back() -> None:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


_threads = ThreadPoolExecutor(CONCURRENT, "passwords", _stand_back)


async def _apart(function: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)


@cache
def _decoy() -> str:
    return _hasher().hash("nobody has this password")


async def chosen(password: str, name: str, email: str) -> str:
    """The stored form of a new password of a person. Raises WeakPassword, BreachedPassword or Busy."""
    path = ["input", "password"]
    if not await _apart(_strong, password, name, email):
        raise WeakPassword("This password is too easy to guess: take a longer one, or unusual words.", path=path)
    if await breaches.known(password):
        raise BreachedPassword("This password is known from a breach elsewhere. Take another.", path=path)
    return await hashed(password)


def _strong(password: str, name: str, email: str) -> bool:
    about = [name, *name.split(), email, *email.split("@"), "atrium"]
    return int(zxcvbn(password[:JUDGED], about).score) >= STRONG


async def hashed(password: str) -> str:
    """The stored form. Raises Busy."""
    async with _turn():
        return await _apart(_hasher().hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; without one the work is the same: time tells nothing. Raises Busy."""
    async with _turn():
        return await _apart(_matches, password, stored)


def outdated(stored: str) -> bool:
    """Whether the settings ask for another hash by now."""
    return _hasher().check_needs_rehash(stored)


def _matches(password: str, stored: str | None) -> bool:
    try:
        decoy = _decoy()
        return _hasher().verify(stored or decoy, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
