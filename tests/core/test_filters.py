import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from app.core.errors import Invalid
from app.core.filters import Filterable
from app.core.rows import Row


class Thing(Row):
    collection = "things"

    name: str | None
    size: int | None
    tags: list[str]


FILTER = Filterable(frozenset({"name", "size", "tags"}))
NAMES = st.sampled_from(["a", "A", "ab", "ß", "é", "É", "Straße", ".", "a.c", "abc", "", "$x", "👍"])
SIZES = st.integers(-2, 2)
OPERANDS: dict[str, dict[str, Any]] = {
    "name": {
        **dict.fromkeys(("eq", "ne", "lt", "lte", "gt", "gte", "contains", "starts_with"), NAMES),
        **dict.fromkeys(("in", "not_in"), st.lists(NAMES, max_size=3)),
        "exists": st.booleans(),
    },
    "size": {
        **dict.fromkeys(("eq", "ne", "lt", "lte", "gt", "gte"), SIZES),
        **dict.fromkeys(("in", "not_in"), st.lists(SIZES, max_size=3)),
        "exists": st.booleans(),
    },
    "tags": {"eq": NAMES, "ne": NAMES, "in": st.lists(NAMES, max_size=3), "not_in": st.lists(NAMES, max_size=3)},
}
CONDITIONS = st.one_of(
    *(
        operand.map(lambda value, name=name, operator=operator: {name: {operator: value}})
        for name, operators in OPERANDS.items()
        for operator, operand in operators.items()
    )
)
TREES = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
        st.tuples(CONDITIONS, inner).map(lambda pair: {**pair[0], "and": [pair[1]]}),
    ),
    max_leaves=4,
)
DOCUMENTS = st.lists(
    st.fixed_dictionaries({"name": st.none() | NAMES, "size": st.none() | SIZES, "tags": st.lists(NAMES, max_size=3)}),
    min_size=1,
    max_size=8,
)


@pytest.fixture
async def things(database: AsyncDatabase[Document]) -> AsyncIterator[AsyncCollection[Document]]:
    collection = database[f"things_{secrets.token_hex(4)}"]
    yield collection
    await collection.drop()


async def test_both_forms_agree(things: AsyncCollection[Document]) -> None:
    import asyncio

    loop = asyncio.get_running_loop()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents=DOCUMENTS, tree=TREES)
    def agree(documents: list[Document], tree: dict[str, Any]) -> None:
        async def found() -> set[ObjectId]:
            await things.delete_many({})
            await things.insert_many([dict(document, _id=ObjectId()) for document in documents])
            stored.extend([Thing.decode(document) async for document in things.find()])
            return {document["_id"] async for document in things.find(FILTER.mongo(tree), {"_id": 1})}

        stored: list[Thing] = []
        by_mongo = asyncio.run_coroutine_threadsafe(found(), loop).result(10)
        holds = FILTER.predicate(tree)
        assert by_mongo == {row.id for row in stored if holds(row)}

    await asyncio.to_thread(agree)


@pytest.mark.parametrize(
    "tree",
    [
        {"secret": {"eq": 1}},
        {"name": {"$where": "1"}},
        {"name": {"eq": {"$ne": None}}},
        {"name": {"in": "a"}},
        {"name": {"in": [str(n) for n in range(101)]}},
        {"name": {"eq": ["a"]}},
        {"name": {"contains": "x" * 201}},
        {"or": [{"size": {"eq": n}} for n in range(51)]},
        {"not": {"not": {"not": {"not": {"not": {"size": {"eq": 1}}}}}}},
        {"and": [{"secret": {"eq": 1}}]},
    ],
)
def test_what_the_language_does_not_allow_is_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        FILTER.mongo(tree)
    assert refused.value.path[0] == "filter"
    with pytest.raises(Invalid):
        FILTER.predicate(tree)


def test_text_is_taken_literally() -> None:
    assert FILTER.mongo({"name": {"contains": ".*"}}) == {"name": {"$regex": r"\.\*", "$options": "i"}}


def test_the_identity_is_found_by_its_stored_name() -> None:
    assert Filterable(frozenset({"id"})).mongo({"id": {"eq": 1}}) == {"_id": {"$eq": 1}}


def test_dates_compare() -> None:
    class Dated(Row):
        collection = "dated"
        at: datetime

    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    row = Dated.decode({"_id": ObjectId(), "at": early})
    assert Filterable(frozenset({"at"})).predicate({"at": {"lt": late}})(row)
