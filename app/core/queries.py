"""Queries: how documents are looked up in MongoDB, a list of them or one.

They go straight over the wire (`app.core.wire`), at about half of what PyMongo's cursors cost, and through a cursor
where that would not do: with a session, behind a load balancer, with automatic encryption, and with a PyMongo that is
not one of those named here. Both answer and raise the same.
"""

from collections.abc import Mapping
from typing import Any

import pymongo
import structlog
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

TESTED = frozenset({"4.20.0"})
"""Versions of PyMongo whose private parts `app.core.wire` knows. For another: compare the parts that it imports, run
tests/core/queries with it, then name it here."""

if pymongo.version in TESTED:
    from app.core import wire

Document = dict[str, Any]

_log = structlog.stdlib.get_logger(__name__)
_straight = pymongo.version in TESTED


def configure(*, fast: bool) -> None:
    """Go straight over the wire, where that is safe, or always through cursors."""
    global _straight
    _straight = fast and pymongo.version in TESTED
    if fast and not _straight:
        _log.warning("queries.fast_reads_off", pymongo=pymongo.version, tested=sorted(TESTED))


async def find(
    collection: AsyncCollection[Document],
    where: Mapping[str, Any],
    projection: Mapping[str, Any] | None = None,
    *,
    sort: Mapping[str, int] | None = None,
    limit: int = 0,
    session: AsyncClientSession | None = None,
) -> list[Document]:
    """Every document that matches, for sets known to be small; at most `limit`, unless that is 0.

    Raises PyMongoError as `collection.find` does: after one more attempt, and by the deadline of `pymongo.timeout`.
    """
    client = collection.database.client
    if _straight and session is None and wire.suits(client):
        return await wire.find(client, collection, where, projection, sort, limit)
    cursor = collection.find(where, projection, limit=limit, session=session)
    return await (cursor.sort(list(sort.items())) if sort else cursor).to_list()


async def find_one(
    collection: AsyncCollection[Document],
    where: Mapping[str, Any],
    projection: Mapping[str, Any] | None = None,
    *,
    sort: Mapping[str, int] | None = None,
    session: AsyncClientSession | None = None,
) -> Document | None:
    """The first document that matches; None when there is none."""
    found = await find(collection, where, projection, sort=sort, limit=1, session=session)
    return found[0] if found else None
