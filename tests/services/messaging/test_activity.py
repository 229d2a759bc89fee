"""The newest message of a conversation, kept in it by a consumer."""

import pytest

from app.core import clock
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.paging import PageArgs
from app.models import Message
from app.models.messaging.events import MessageSent
from app.services.messaging import activity, conversations
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents")


def page(actor: Actor, *sent: Message) -> list[Change]:
    """The messages as the log tells of them."""
    events: list[Event] = [
        MessageSent(actor, conversation=m.conversation_id, message=m.id, sender=m.sender_id) for m in sent
    ]
    return [Change.of({**event.row(), "_id": n, "at": clock.now()}) for n, event in enumerate(events, 1)]


async def test_the_newest_message_orders_the_list() -> None:
    owner = await make_owner()
    assert owner.organization_id
    ada, grace = [await make_member(owner.organization_id) for _ in range(2)]
    first, second = await make_conversation(owner, ada), await make_conversation(owner, grace)
    one = await make_message(owner, first)
    other = await make_message(owner, second)
    last = await make_message(owner, first)
    await activity.follow(page(owner, one, other, last))
    listed = await conversations.newest(owner, PageArgs(), archived=False, filter=None)
    assert [(c.id, c.last_message_id) for c in listed.nodes] == [(first.id, last.id), (second.id, other.id)]
    assert listed.nodes[0].active_at == clock.time_of(last.id)


async def test_a_page_that_comes_again_or_late_changes_nothing() -> None:
    owner = await make_owner()
    assert owner.organization_id
    conversation = await make_conversation(owner, await make_member(owner.organization_id))
    old, new = await make_message(owner, conversation), await make_message(owner, conversation)
    await activity.follow(page(owner, old, new))
    before = await conversations.get(owner, conversation.id)
    await activity.follow(page(owner, new))
    await activity.follow(page(owner, old))
    after = await conversations.get(owner, conversation.id)
    assert (after.last_message_id, after.active_at) == (new.id, before.active_at)


async def test_another_organization_cannot_be_reached() -> None:
    owner, stranger = await make_owner(), await make_owner("Mallory")
    assert owner.organization_id
    conversation = await make_conversation(owner, await make_member(owner.organization_id))
    message = await make_message(owner, conversation)
    await activity.follow(page(stranger, message))
    assert (await conversations.get(owner, conversation.id)).last_message_id is None
