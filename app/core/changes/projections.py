"""Projections: what is kept in documents only to read it fast, and follows from the log."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import UpdateMany

from app.core import database
from app.core.rows import Row


async def project(model: type[Row], updates: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Apply pairs of filter and modifiers in one command, in any order, and tell nothing: the log has told it already.

    For consumers, which see a page more than once: doing it again must change nothing.
    """
    made = [UpdateMany(where, modifiers) for where, modifiers in updates]
    if made:
        await database.collection(model.collection).bulk_write(made, ordered=False)
