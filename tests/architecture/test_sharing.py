"""What subscribers share: nothing of it depends on who asks."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId

from app.core.actor import Actor
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.models.base import StoredRow
from app.resolvers.roots import schema

ORGANIZATION = ObjectId()
PEOPLE = [
    Actor.somebody(ORGANIZATION),
    Actor(ORGANIZATION, ObjectId(), ObjectId(), frozenset({"members.manage"})),
    Actor(ORGANIZATION, ObjectId(), staff=True, duties=frozenset({"platform.impersonate"})),
]
EVENTS = "subscription ($id: ID!) { conversationEvents(conversationId: $id) { cursor at __typename "
MESSAGE = "... on MessageSent { message { id text sentAt sender { id name } replyTo { id } mentions { name } "


def impersonal() -> Iterator[Any]:
    for kind in schema._schema.type_map.values():
        for field in getattr(kind, "fields", {}).values():
            definition = field.extensions.get("strawberry-definition")
            if definition is not None and getattr(definition, "metadata", {}).get("personal") is False:
                yield definition


def rows(kind: type[StoredRow] = StoredRow) -> Iterator[type[StoredRow]]:
    for row in kind.__subclasses__():
        yield row
        yield from rows(row)


@pytest.mark.parametrize(
    "row", sorted({row for row in rows() if not row.personal}, key=str), ids=lambda row: row.__name__
)
def test_rows_that_are_not_personal_are_the_same_for_everybody_in_an_organization(row: type[StoredRow]) -> None:
    assert len({repr(row.within(actor, {"a": 1}, b=2)) for actor in PEOPLE}) == 1


@pytest.mark.parametrize("field", [*impersonal()], ids=lambda one: f"{one.origin.__name__}.{one.python_name}")
def test_fields_that_are_not_personal_do_not_look_at_the_actor(field: Any) -> None:
    source = inspect.getsource(field.base_resolver.wrapped_func)
    assert ".actor" not in source
    assert ".load(" not in source, "a fetch is given the actor"


@pytest.mark.parametrize(
    ("selection", "personal"),
    [
        (EVENTS + MESSAGE + "reactions { emoji count } } } } }", False),
        (EVENTS + "... on TypingChanged { typing user { name } } ... on ParticipantLeft { user { id } } } }", False),
        (EVENTS + "... on ConversationChanged { conversation { title participantCount } } } }", False),
        (EVENTS + MESSAGE + "reactions { mine } } } } }", True),
        (EVENTS + MESSAGE + "readers { id } } } } }", True),
        (EVENTS + MESSAGE + "sender { email } } } } }", True),
        (EVENTS + MESSAGE + "thread { nodes { id } } } } } }", True),
        (EVENTS + "... on ConversationChanged { conversation { unreadCount } } } }", True),
        (EVENTS + "... on ConversationChanged { conversation { muted } } } }", True),
        (EVENTS + "... on ConversationChanged { conversation { archived } } } }", True),
        (EVENTS + "... on ConversationChanged { conversation { participants { presence { status } } } } } }", True),
        ("subscription { notificationEvents { ... on NotificationCreated { notification { id } } } }", True),
        ("subscription { notificationEvents { cursor ... on NotificationsRead { all ids } } }", True),
    ],
)
def test_what_is_selected_decides_whether_a_feed_is_read_once_for_all(selection: str, personal: bool) -> None:
    engine = Engine(schema, Limits.of(Settings()), introspection=True, suggestions=True)
    sharing = engine.prepare(selection, None).sharing
    assert sharing
    assert sharing.personal is personal
