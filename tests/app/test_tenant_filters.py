"""S6: the rule by which commands on a tenant's collection are judged. The world applies it to everything at its end."""

from typing import Any

import pytest
from bson import ObjectId

from tests.tenant_filters import filters, meant, names_a_tenant

ID = ObjectId()
LOOKUP = {"$lookup": {"from": "messages", "let": {}, "pipeline": [{"$match": {"sender_id": ID}}], "as": "found"}}


@pytest.mark.parametrize(
    "filter",
    [
        {"organization_id": ID},
        {"organization_id": {"$eq": ID}, "_id": ID},
        {"$and": [{"_id": ID}, {"organization_id": ID}]},
    ],
)
def test_a_filter_that_names_a_tenant(filter: dict[str, Any]) -> None:
    assert names_a_tenant(filter)


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"_id": ID},
        {"organization_id": None},
        {"organization_id": {"$ne": ID}},
        {"organization_id": {"$in": [ID, ObjectId()]}},
        {"$or": [{"organization_id": ID}, {"_id": ID}]},
    ],
)
def test_a_filter_that_does_not(filter: dict[str, Any]) -> None:
    assert not names_a_tenant(filter)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"op": "query", "command": {"find": "messages", "filter": {"_id": ID}}}, [{"_id": ID}]),
        ({"op": "query", "command": {"find": "messages"}}, [{}]),
        ({"op": "update", "command": {"q": {"_id": ID}, "u": {}}}, [{"_id": ID}]),
        ({"op": "remove", "command": {"q": {}, "limit": 0}}, [{}]),
        ({"op": "command", "command": {"findAndModify": "messages", "query": {"_id": ID}}}, [{"_id": ID}]),
        ({"op": "command", "command": {"count": "messages"}}, [{}]),
        ({"op": "command", "command": {"aggregate": "messages", "pipeline": []}}, [{}]),
        (
            {"op": "command", "command": {"aggregate": "messages", "pipeline": [{"$match": {"_id": ID}}, LOOKUP]}},
            [{"_id": ID}, {"sender_id": ID}],
        ),
        ({"op": "insert", "command": {"insert": "messages"}}, []),
        ({"op": "getmore", "command": {"getMore": 1}}, []),
    ],
)
def test_what_a_command_filters_by(entry: dict[str, Any], found: list[dict[str, Any]]) -> None:
    assert list(filters(entry)) == found


def test_only_the_listed_filters_go_without() -> None:
    assert meant("memberships", {"user_id": ID, "state": "active"})
    assert not meant("memberships", {"role": "owner"})
    assert not meant("messages", {"_id": ID})
