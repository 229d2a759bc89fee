"""ORG-1, S5: with another tenant's ids one gets what one gets with ids of nothing, and changes nothing."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson import ObjectId
from graphql import GraphQLObjectType, get_named_type
from pymongo.asynchronous.database import AsyncDatabase

from app.models import TENANT_COLLECTIONS
from app.resolvers.nodes import NODES
from tests import documents
from tests.app.rest import rest
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person

CANARY = f"canary-{secrets.token_hex(6)}"
PAGED = [name for name in documents.KINDS if "after" in documents.field(name).args and name in CALLS]
DIFFERENT = {"requestId", "cursor", "id", "createdAt"}
"""Of two answers that say the same."""
NESTED = {
    ("CalendarEvent", "attendees"),
    ("CalendarEvent", "occurrences"),
    ("Conversation", "messages"),
    ("LedgerAccount", "balanceAt"),
    ("LedgerAccount", "transfers"),
    ("Message", "thread"),
    ("Payment", "refunds"),
    ("Schedule", "runs"),
    ("Wallet", "history"),
}
"""Fields below the roots that take more than a number; each has its case below, but for what only staff reach and what
takes a moment."""

Store = AsyncDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
async def mine(strangers: list[Person]) -> Scene:
    """What the attacker owns."""
    return await scene(strangers)


@pytest.fixture(scope="module")
async def theirs(people: list[Person], store: Store) -> Scene:
    made = await scene(people, CANARY)
    await rest(store, made)
    return made


def test_every_root_field_has_a_case() -> None:
    assert set(CALLS) == set(documents.KINDS)


def test_every_nested_field_with_arguments_has_a_case() -> None:
    types = [type for type in documents.graph.type_map.values() if isinstance(type, GraphQLObjectType)]
    roots = set(documents.ROOTS.values())
    fields = [(t.name, name, f) for t in types if t not in roots for name, f in t.fields.items()]
    nested = {(type, name) for type, name, field in fields if set(field.args) - {"first"}}
    assert {one for one in nested if not one[0].startswith("__")} == NESTED


def test_every_argument_of_ids_is_given_in_its_case(mine: Scene) -> None:
    missing = []
    for name in documents.KINDS:
        given = json.dumps(CALLS[name](mine))
        missing += [f"{name}.{path}" for path in _id_arguments(name) if f'"{path}"' not in given]
    # which `test_access` and `test_attention` give, for few may ask about others
    assert missing == ["access.principal", "previewDelivery.userId"]


@pytest.mark.parametrize("name", [name for name in documents.KINDS if name not in ("signOut", "leaveOrganization")])
async def test_their_ids_are_as_good_as_none(mine: Scene, theirs: Scene, store: Store, name: str) -> None:
    attacker, before = mine.owner, await _slice(store, theirs)
    if documents.KINDS[name] == "query":
        assert not _leaks(await _answer(attacker, name, CALLS[name](mine)), theirs)
    for own, part in mine.ids.items():
        given = CALLS[name](mine)
        foreign, unknown = _swapped(given, part, theirs.ids[own]), _swapped(given, part, _nothing_like(part))
        if foreign == given:
            continue
        told = await _answer(attacker, name, foreign)
        await store["exports"].delete_many({"state": "pending"})  # there is one at a time
        assert not _leaks(told, theirs)
        assert _plain(told, theirs.ids[own]) == _plain(await _answer(attacker, name, unknown), _nothing_like(part))
    assert await _slice(store, theirs) == before


async def test_a_node_of_theirs_is_none_whatever_its_type(mine: Scene, theirs: Scene) -> None:
    kinds = {id.partition("_")[0] for id in theirs.ids.values()}
    assert kinds == {kind.__name__ for kind in NODES}
    for name, id in theirs.ids.items():
        if id.startswith(("Job_", "Saga_", "PaymentDifference_")):
            assert await mine.owner.refused("node", id=id) == await theirs.owner.refused("node", id=id) == "FORBIDDEN"
            continue
        assert await mine.owner.call("node", depth=1, id=id) is None, name
        if name in ("impersonation", "address", "platform_exemption"):  # of another of their people, of the platform
            continue
        assert await theirs.owner.call("node", depth=1, id=id), name


@pytest.mark.parametrize("name", PAGED)
async def test_their_cursors_show_nothing_of_theirs(mine: Scene, theirs: Scene, name: str) -> None:
    if documents.KINDS[name] == "subscription":
        cursor = await _feed_cursor(theirs, name)
    else:
        listed = await theirs.caller(name).call(name, **_without_ids(CALLS[name](theirs)))
        cursor = listed["pageInfo"]["startCursor"]
    assert cursor
    answer = await _answer(mine.owner, name, {**CALLS[name](mine), "after": cursor})
    assert not _leaks(answer, theirs)


async def test_their_ids_and_cursors_in_nested_arguments_show_nothing(mine: Scene, theirs: Scene) -> None:
    text = """query($id: ID!, $filter: MessageFilter, $after: String) { conversation(id: $id) {
      messages(filter: $filter, after: $after) { nodes { text thread(after: $after) { nodes { text } } } } } }"""
    theirs_listed = await theirs.owner.call("conversation", id=theirs.group)
    cursor = theirs_listed["messages"]["pageInfo"]["startCursor"]
    filters: list[dict[str, Any]] = [
        {field: {operator: value}}
        for field in ("senderId", "mentionIds")
        for operator, value in (("eq", theirs.second_owner), ("in", [theirs.second_owner]))
    ]
    for filter in [*filters, {"or": filters}, {"and": filters}]:
        answer = await mine.owner.ask(text, id=mine.group, filter=filter)
        assert answer["conversation"]["messages"]["nodes"] == []
    for filter in [{"not": filters[0]}, {}]:
        for after in (cursor, None):
            answer = await mine.owner.ask(text, id=mine.group, filter=filter, after=after)
            assert not _leaks(answer, theirs)


async def test_their_cursors_of_attendees_show_nothing(mine: Scene, theirs: Scene) -> None:
    text = """query($id: ID!, $after: String) { node(id: $id) { ... on CalendarEvent {
      attendees(after: $after) { nodes { user { name } } pageInfo { endCursor } } } } }"""
    cursor = (await theirs.owner.ask(text, id=theirs.event))["node"]["attendees"]["pageInfo"]["endCursor"]
    assert cursor
    assert not _leaks(await mine.owner.answer(text, id=mine.event, after=cursor), theirs)
    assert (await mine.owner.ask(text, id=theirs.event))["node"] is None


async def test_their_cursors_of_refunds_show_nothing(mine: Scene, theirs: Scene) -> None:
    text = """query($id: ID!, $after: String) { node(id: $id) { ... on Payment {
      refunds(after: $after) { nodes { reason } pageInfo { endCursor } } } } }"""
    cursor = (await theirs.owner.ask(text, id=theirs.receipt))["node"]["refunds"]["pageInfo"]["endCursor"]
    assert cursor
    assert not _leaks(await mine.owner.answer(text, id=mine.receipt, after=cursor), theirs)
    assert (await mine.owner.ask(text, id=theirs.receipt))["node"] is None


async def test_their_slug_is_taken_and_tells_no_more(mine: Scene, theirs: Scene) -> None:
    slug = (await theirs.owner.call("organization"))["slug"]
    refused = await mine.owner.call("createOrganization", input={"name": "Copy", "slug": slug})
    assert refused["code"] == "SLUG_TAKEN"
    assert not _leaks(refused, theirs)


async def _answer(person: Person, name: str, given: dict[str, Any]) -> dict[str, Any]:
    text, variables = documents.operation(name, given, depth=3)
    if documents.KINDS[name] != "subscription":
        return await person.answer(text, **variables)
    async with person.live() as socket:
        await socket.subscribe(text, **variables)
        return await socket.receive()


async def _feed_cursor(theirs: Scene, name: str) -> str:
    if name == "notificationEvents":
        return str(await theirs.owner.call("notificationCursor"))
    if name == "subscriptionEvents":
        return str((await theirs.owner.call("node", depth=1, id=theirs.billing.subscription))["feedCursor"])
    if name == "paymentEvents":
        text = "query($id: ID!) { node(id: $id) { ... on Payment { cursor } } }"
        return str((await theirs.owner.ask(text, id=theirs.payment))["node"]["cursor"])
    return str((await theirs.owner.call("conversation", id=theirs.group))["cursor"])


async def _slice(store: Store, scene: Scene) -> str:
    """A digest of all that the tenant owns."""
    id = ObjectId(scene.organization.partition("_")[2])
    owned: dict[str, dict[str, Any]] = {name: {"organization_id": id} for name in TENANT_COLLECTIONS}
    owned |= {"organizations": {"_id": id}, "users": {"organization_ids": id}}
    digest = hashlib.sha256()
    for name, where in sorted(owned.items()):
        async for document in store[name].find(where).sort("_id", 1):
            digest.update(bson.encode(document))
    return digest.hexdigest()


def _leaks(answer: Any, theirs: Scene) -> list[str]:
    told = json.dumps(answer)
    return [secret for secret in (CANARY, theirs.owner.email, theirs.email) if secret in told]


def _plain(answer: Any, id: str) -> str:
    """An answer without what differs between two answers that say the same."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(one) for key, one in value.items() if key not in DIFFERENT}
        return [kept(one) for one in value] if isinstance(value, list) else value

    return json.dumps(kept(answer), sort_keys=True).replace(id, "ID")


async def test_their_cursors_of_transfers_show_nothing(mine: Scene, theirs: Scene) -> None:
    text = """query($id: ID!, $after: String) { ledgerAccount(id: $id) {
      balanceAt { amount } transfers(after: $after) { nodes { reference } pageInfo { endCursor } } } }"""
    found = (await theirs.owner.ask(text, id=theirs.ledger_account))["ledgerAccount"]
    cursor = found["transfers"]["pageInfo"]["endCursor"]
    assert cursor and int(found["balanceAt"]["amount"]) > 0
    assert not _leaks(await mine.owner.answer(text, id=mine.ledger_account, after=cursor), theirs)
    assert (await mine.owner.ask(text, id=theirs.ledger_account))["ledgerAccount"] is None


def _swapped(given: Any, old: str, new: str) -> Any:
    if isinstance(given, dict):
        return {key: _swapped(one, old, new) for key, one in given.items()}
    if isinstance(given, list):
        return [_swapped(one, old, new) for one in given]
    return new if given == old else given


def _nothing_like(id: str) -> str:
    """An id of the same kind that names nothing."""
    return f"{id.partition('_')[0]}_{'0' * 24}"


def _without_ids(given: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in given.items() if key != "filter"}


def _id_arguments(name: str) -> Iterator[str]:
    """The names of the arguments of a root field, and of its inputs, that hold ids; filters have cases of their own."""
    for argument, declared in documents.field(name).args.items():
        kind = get_named_type(declared.type)
        if kind.name == "ID":
            yield argument
        for inner, field in getattr(kind, "fields", {}).items():
            if get_named_type(field.type).name == "ID":
                yield inner
