"""Who shares the results of a subscription: never somebody who might have got another one."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry

from app.execution.engine import Engine
from app.execution.limits import Limits
from app.execution.sharing import Sharing


def field(personal: bool | None, returns: Any = str) -> Any:
    def resolve(first: int = 1) -> Any:
        return None

    metadata = {} if personal is None else {"personal": personal}
    return strawberry.field(resolve, graphql_type=returns, metadata=metadata)


@strawberry.interface
class Event:
    at: str


@strawberry.type
class Sender:
    name: str
    email: str = field(personal=True)
    age: str = field(personal=False)


@strawberry.type
class Said(Event):
    text: str = field(personal=False)
    unread: str = field(personal=None)
    sender: Sender = field(personal=False, returns=Sender)


@strawberry.type
class Left(Event):
    text: str = field(personal=True)


@strawberry.type
class Query:
    ok: bool = True


@strawberry.type
class Subscription:
    @strawberry.subscription(graphql_type=Event)  # type: ignore[untyped-decorator]
    async def events(self, id: str = "", after: str | None = None) -> AsyncGenerator[Any, None]:
        yield None


schema = strawberry.Schema(Query, subscription=Subscription, types=[Said, Left])
engine = Engine(schema, Limits(), introspection=True, suggestions=True)


def sharing(text: str) -> Sharing:
    found = engine.prepare(text, None).sharing
    assert found
    return found


@pytest.mark.parametrize(
    ("selection", "personal"),
    [
        ("at __typename", False),
        ("... on Said { text sender { name age __typename } }", False),
        ("... on Said { unread }", True),
        ("... on Said { sender { name email } }", True),
        ("... on Left { text }", True),
        ("... on Said { s: sender { ...S } }", True),
        ("at ...On @include(if: false)", True),
    ],
)
def test_one_field_that_may_depend_on_who_asks_makes_all_of_it_personal(selection: str, personal: bool) -> None:
    parts = {"...S": " fragment S on Sender { email }", "...On": " fragment On on Event { ... on Said { unread } }"}
    fragments = "".join(text for spread, text in parts.items() if spread in selection)
    assert sharing("subscription { events { " + selection + " } }" + fragments).personal is personal


def test_the_variables_of_the_selection_count_and_those_of_the_feed_do_not() -> None:
    text = """subscription ($id: String!, $after: String, $n: Int!, $m: Int, $b: Boolean!, $c: Boolean!) {
      events(id: $id, after: $after) {
        ... on Said @skip(if: $b) { text(first: $n) ...Sent } } }
    fragment Sent on Said { sender(first: $m) { name @include(if: $c) } }"""
    found = sharing(text)
    assert found.variables == {"n", "m", "b", "c"}
    assert found.values({"id": "1", "after": "x", "n": 1}) == found.values({"n": 1, "id": "2"})
    assert found.values({"n": 1}) != found.values({"n": 2})
    assert found.values({"n": 1, "m": None}) != found.values({"n": 1}), "null is not what is left out"
    assert found.values({"n": 2**70}) == found.values({"n": 2**70})


def test_a_feed_that_a_fragment_asks_for_is_shared_by_the_same_arguments_only() -> None:
    text = "subscription ($after: String) { ...F } fragment F on Subscription { events(after: $after) { at } }"
    assert sharing(text).variables == {"after"}


def test_queries_share_nothing() -> None:
    assert engine.prepare("{ ok }", None).sharing is None
