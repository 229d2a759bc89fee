"""Rows of organizations that are not: there must be none, and only a look at all tenants together shows it."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from app.core import database
from app.models import TENANT_COLLECTIONS, Organization


async def orphans() -> list[tuple[str, ObjectId]]:
    """The collections and organization ids of rows whose organization was never stored."""
    look_up = {"from": Organization.collection, "localField": "_id", "foreignField": "_id", "as": "organization"}
    pipeline: list[Mapping[str, Any]] = [
        {"$group": {"_id": "$organization_id"}},
        {"$lookup": look_up},
        {"$match": {"organization": []}},
    ]
    return [
        (name, row["_id"])
        for name in sorted(TENANT_COLLECTIONS)
        async for row in await database.collection(name).aggregate(pipeline)
    ]
