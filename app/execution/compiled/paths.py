"""Paths of the response as compiled code holds them: linked steps, made into a path only when an error needs one."""

from typing import Optional

from graphql.pyutils import Path

Steps = tuple[Optional["Steps"], str | int, str | None]
"""The steps before, the key or index, and the name of the type that has the key."""


def as_path(steps: Steps | None) -> Path | None:
    """The path in graphql-core's form."""
    return None if steps is None else Path(as_path(steps[0]), steps[1], steps[2])


def as_list(steps: Steps | None) -> list[str | int]:
    """The keys and indexes from the root on."""
    keys: list[str | int] = []
    while steps is not None:
        keys.append(steps[1])
        steps = steps[0]
    keys.reverse()
    return keys


def of_field(steps: Steps) -> Steps:
    """The path of the field in whose lists the item stands."""
    while isinstance(steps[1], int):
        assert steps[0] is not None
        steps = steps[0]
    return steps
