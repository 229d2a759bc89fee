"""Turns in a book: accounts that everything goes through, such as fees, make a conflict of any two scopes that meet."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bson import ObjectId

from app.core import changes, turns
from app.core.actor import Actor

P = ParamSpec("P")
T = TypeVar("T")


def turn(organization_id: ObjectId | None) -> AbstractAsyncContextManager[None]:
    """To be entered around a scope that moves money in the book of an organization."""
    return turns.turn(f"book:{organization_id}")


def in_turn(
    function: Callable[Concatenate[Actor, P], Awaitable[T]],
) -> Callable[Concatenate[Actor, P], Coroutine[Any, Any, T]]:
    """Like `@changes.atomic`, for a function that moves money in the book of its actor's organization."""
    atomic = changes.atomic(function)

    @wraps(function)
    async def wait(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        async with turn(actor.organization_id):
            return await atomic(actor, *args, **kwargs)

    return wait
