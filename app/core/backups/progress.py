"""How long work of a backup tells how far it is."""

from collections.abc import Awaitable, Callable

Announce = Callable[[str, int, int], Awaitable[None]]
"""Told of progress: the step's name, how much is done, how much there is."""


async def silently(name: str, done: int, total: int) -> None:
    """Nobody watches."""
