"""Rows of organizations that are not, or no more: only a look at all tenants together shows that there are none."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from app.core import database
from app.models import PLATFORM_ID, TENANT_COLLECTIONS, Organization, OrganizationState


async def orphans() -> list[tuple[str, ObjectId]]:
    """The collections and organization ids of rows whose organization was never stored, or is deleted."""
    look_up = {
        "from": Organization.collection,
        "localField": "_id",
        "foreignField": "_id",
        "pipeline": [{"$match": {"state": {"$ne": OrganizationState.DELETED.value}}}, {"$project": {"_id": 1}}],
        "as": "organization",
    }
    pipeline: list[Mapping[str, Any]] = [
        {"$match": {"organization_id": {"$ne": PLATFORM_ID}}},
        {"$group": {"_id": "$organization_id"}},
        {"$lookup": look_up},
        {"$match": {"organization": []}},
    ]
    return [
        (name, row["_id"])
        for name in sorted(TENANT_COLLECTIONS)
        async for row in await database.collection(name).aggregate(pipeline)
    ]
