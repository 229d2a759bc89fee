"""Two executions of one query, compared: whether compiled code answers what graphql-core answers.

Where several fields fail below one position, each of which makes that position null, GraphQL lets an executor report
any of them. An error that only one side has is such a *racing sibling* when it lies below a position that is null in
the other's data too, and the other has an error there as well. It is no difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from graphql import ExecutionResult

from app.execution.compiled import FIGURES

log = structlog.get_logger(__name__)


def differences(ours: ExecutionResult, reference: ExecutionResult) -> list[str]:
    """The places in the response where they differ. Of errors the set counts: their order is nobody's promise."""
    places = list(_places(ours.data, reference.data, "data"))
    for one, other in ((ours, reference), (reference, ours)):
        others = _errors(other)
        for _, path in sorted(_errors(one) - others, key=repr):
            if not races(path, other.data, [beside for _, beside in others]):
                places.append(".".join(map(str, ("errors", *path))))
    return places


def races(path: Sequence[str | int], data: Any, others: Iterable[Sequence[str | int]]) -> bool:
    """Whether an error at `path` is a racing sibling of errors at the paths `others`, which came with `data`."""
    depth = _nulled(data, path)
    return depth is not None and any(other[:depth] == path[:depth] for other in others)


def report(operation: str | None, places: list[str]) -> None:
    """Say that compiled code went wrong: in the log without values, and in the figures."""
    FIGURES.differences += 1
    log.error("graphql.executions_differ", operation=operation, places=places[:10])


def _errors(result: ExecutionResult) -> set[tuple[str, tuple[str | int, ...]]]:
    return {(error.message, tuple(error.path or ())) for error in result.errors or ()}


def _nulled(data: Any, path: Sequence[str | int]) -> int | None:
    """How many steps down the path null stands; None when it stands at the end of the path only, or not at all."""
    for depth, key in enumerate(path):
        if data is None:
            return depth
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None  # there is no such place
    return None


def _places(ours: Any, reference: Any, place: str) -> Iterator[str]:
    if type(ours) is not type(reference):
        yield place
    elif isinstance(ours, dict):
        if list(ours) != list(reference):  # the order of fields is part of the answer
            yield place
        for key in ours.keys() & reference.keys():
            yield from _places(ours[key], reference[key], f"{place}.{key}")
    elif isinstance(ours, list):
        if len(ours) != len(reference):
            yield place
        for index, (one, other) in enumerate(zip(ours, reference, strict=False)):
            yield from _places(one, other, f"{place}.{index}")
    elif ours != reference:
        yield place
