"""S6: whether every command on a tenant's collection named the tenant, as told by the database's own profiler."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.models import TENANT_COLLECTIONS

Command = Mapping[str, Any]

KEPT_BYTES = 16 * 1024 * 1024

PLATFORM_FILTERS: Mapping[tuple[str, frozenset[str]], str] = {
    ("memberships", frozenset({"user_id", "state"})): "signing in: in which organizations does this person work?",
    ("invitations", frozenset({"_id"})): "accepting: the token of the e-mail names the invitation, not its tenant",
    ("invitations", frozenset({"state", "created_at"})): "the clock: whose time has run out, wherever they are?",
}
"""Filters without a tenant that are meant, by collection and the names in them, with the reason."""


async def watch(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Keep, from now on, every command on a tenant's collection that does not plainly name the tenant."""
    suspect = {
        "ns": {"$in": [f"{database.name}.{name}" for name in TENANT_COLLECTIONS]},
        "op": {"$in": ["query", "update", "remove", "command"]},
        "$nor": [{f"command.{part}.organization_id": {"$type": "objectId"}} for part in ("filter", "query", "q")],
    }
    await database.create_collection("system.profile", capped=True, size=KEPT_BYTES)
    await database.command("profile", 1, filter=suspect)


async def strays(database: AsyncDatabase[dict[str, Any]]) -> list[str]:
    """The commands that named no tenant, in words. Raises AssertionError when not all were kept, or none was."""
    await database.command("profile", 0)
    statistics = await database.command("collStats", "system.profile")
    assert 0 < statistics["size"] < KEPT_BYTES * 0.9, "nothing was kept, or the profile has gone round"
    found = [
        f"{entry['op']} {entry['ns']}: {filter}"
        async for entry in database["system.profile"].find({}, {"op": 1, "ns": 1, "command": 1})
        for filter in filters(entry)
        if not names_a_tenant(filter) and not meant(entry["ns"].partition(".")[2], filter)
    ]
    for name in TENANT_COLLECTIONS:
        homeless = await database[name].count_documents({"organization_id": {"$not": {"$type": "objectId"}}})
        found += [f"insert {name}: {homeless} documents without a tenant"] * bool(homeless)
    return sorted(set(found))


def filters(entry: Command) -> Iterator[Command]:
    """The filters of a profiled command. What was read on after the first batch was filtered there."""
    command = entry["command"]
    match entry["op"]:
        case "query":
            yield command.get("filter", {})
        case "update" | "remove":
            yield command["q"]
        case "command" if "aggregate" in command:
            yield from _matches(command["pipeline"])
        case "command" if not {"insert", "createIndexes", "create"} & set(command):
            yield command.get("query", {})


def _matches(pipeline: Sequence[Command]) -> Iterator[Command]:
    """What an aggregation begins with, and every look-up of a tenant's collection in it."""
    yield pipeline[0].get("$match", {}) if pipeline else {}
    for lookup in (stage["$lookup"] for stage in pipeline if "$lookup" in stage):
        if lookup["from"] in TENANT_COLLECTIONS:
            yield from _matches(lookup.get("pipeline", ()))


def names_a_tenant(filter: Command) -> bool:
    """Whether the filter holds for documents of one organization only."""
    asked = filter.get("organization_id")
    if isinstance(asked, Mapping):
        asked = asked.get("$eq")
    return isinstance(asked, ObjectId) or any(names_a_tenant(part) for part in filter.get("$and", ()))


def meant(collection: str, filter: Command) -> bool:
    """Whether the filter is one of those that may go without a tenant."""
    return (collection, frozenset(filter)) in PLATFORM_FILTERS
