"""NTF-1: who is told of what, each once."""

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.database import Document
from app.core.paging import PageArgs
from app.models import Notification, NotificationKind, User
from app.models.messaging.events import MessageDeleted
from app.models.organizations.events import MemberInvited, OwnershipOffered
from app.services.identity import users
from app.services.messaging import conversations, messages
from app.services.notifications import notifications, telling
from app.services.organizations import invitations
from tests.factories.identity import make_user
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_organization, make_owner
from tests.services.notifications.pages import page, said

pytestmark = pytest.mark.usefixtures("documents")


async def told(actor: Actor) -> list[Notification]:
    found = await notifications.newest(actor, PageArgs(), unread_only=False, archived=False)
    return found.nodes


@pytest.fixture
async def company() -> list[Actor]:
    """An owner and two members."""
    owner = await make_owner()
    assert owner.organization_id
    return [owner, *[await make_member(owner.organization_id, name=name) for name in ("Ada", "Grace")]]


async def test_who_is_mentioned_is_told(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert ada.user_id
    assert owner.user_id
    message = await make_message(owner, conversation, "Ada,\nlook!", mentions=[ada.user_id, owner.user_id])
    await telling.follow(page(said(owner, message)))
    (one,) = await told(ada)
    assert (one.kind, one.text, one.actor_id, one.message_id, one.conversation_id) == (
        NotificationKind.MENTION,
        "Ada, look!",
        owner.user_id,
        message.id,
        conversation.id,
    )
    assert await told(grace) == []
    assert await told(owner) == [], "nobody is told of what they wrote"


async def test_who_is_answered_is_told_once_even_when_mentioned(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    question = await make_message(ada, conversation, "Who comes?")
    answer = await make_message(grace, conversation, "I do.", reply_to=question)
    assert ada.user_id
    both = await make_message(owner, conversation, "I, too.", reply_to=question, mentions=[ada.user_id])
    own = await make_message(ada, conversation, "Well.", reply_to=question)
    await telling.follow(page(said(grace, answer, question), said(owner, both, question), said(ada, own, question)))
    assert [(one.kind.value, one.text) for one in await told(ada)] == [("mention", "I, too."), ("reply", "I do.")]


async def test_a_page_that_comes_again_tells_nothing_twice(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert ada.user_id
    sent = page(said(owner, await make_message(owner, conversation, "Ada?", mentions=[ada.user_id])))
    await telling.follow(sent)
    (first,) = await told(ada)
    await notifications.mark_read(ada, notifications.NotificationsToRead(ids=[first.id]))
    await telling.follow(sent)
    (second,) = await told(ada)
    assert second.read_at, "and what was read stays read"


async def test_who_left_is_told_nothing(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert ada.user_id
    message = await make_message(owner, conversation, "Ada?", mentions=[ada.user_id])
    await conversations.remove_member(
        ada, conversations.MemberRemoval(conversation_id=conversation.id, user_id=ada.user_id)
    )
    await telling.follow(page(said(owner, message)))
    assert await told(ada) == []


async def test_what_was_taken_back_is_not_quoted(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert ada.user_id
    early, late = [await make_message(owner, conversation, "secret", mentions=[ada.user_id]) for _ in range(2)]
    await messages.delete(owner, messages.MessageAction(message_id=early.id))
    await telling.follow(page(said(owner, early), said(owner, late)))
    assert [one.text for one in await told(ada)] == ["secret"], "the first was gone before"
    await messages.delete(owner, messages.MessageAction(message_id=late.id))
    await telling.follow(page(MessageDeleted(owner, conversation=conversation.id, message=late.id)))
    assert [one.text for one in await told(ada)] == [telling.DELETED]


async def test_who_has_an_account_is_told_of_an_invitation_where_they_work(company: list[Actor]) -> None:
    owner, *_ = company
    guest = await make_user("Guest")
    await make_organization(guest, name="Elsewhere")
    newcomer = await make_user("Newcomer")
    for person in (guest, newcomer):
        await invitations.invite(owner, invitations.Invite(email=person.email))
    found = await invitations.pending(owner, PageArgs())
    await telling.follow(page(*(MemberInvited(owner, invitation=one.id) for one in found.nodes)))
    known = await User.require(Actor.platform(), guest.id)
    (one,) = await told(Actor(known.last_organization_id, guest.id))
    assert (one.kind, one.text) == (NotificationKind.INVITATION, "Olivia Owens invites you to join Birch School.")
    assert not await Notification.select(Actor.platform(), {"user_id": newcomer.id}), "who works nowhere has the e-mail"


async def test_a_notification_tells_of_itself(company: list[Actor], documents: AsyncDatabase[Document]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert ada.user_id
    message = await make_message(owner, conversation, "Ada?", mentions=[ada.user_id])
    await telling.follow(page(said(owner, message)))
    (one,) = await told(ada)
    stored = await documents.notifications.find_one({"_id": one.id})
    assert stored
    (event,) = changes.envelope.unpack(stored["_events"])
    assert (event["t"], event["d"]["notification"]) == ("NotificationCreated.1", one.id)
    assert f"u:{ada.user_id}" in event["s"]
    assert event["o"] == owner.organization_id != ObjectId()


async def test_each_is_told_in_their_own_language(company: list[Actor]) -> None:
    owner, ada, grace = company
    assert ada.user_id
    assert owner.user_id
    await users.edit(ada, users.ProfileEdit.model_validate({"locale": "fr-CA"}))
    offer = [OwnershipOffered(owner, offer=new_id(), user=person.user_id, by=owner.user_id) for person in (ada, grace)]  # type: ignore[arg-type]
    conversation = await make_conversation(owner, ada, grace)
    people = [id for id in (ada.user_id, grace.user_id) if id]
    message = await make_message(owner, conversation, "Somebody", mentions=people)
    await telling.follow(page(*offer, said(owner, message)))
    texts = {person: {one.kind.value: one.text for one in await told(person)} for person in (ada, grace)}
    assert texts[ada]["ownership"].endswith("vous propose la propriété de Birch School.")
    assert texts[grace]["ownership"].endswith("offers you the ownership of Birch School.")
    assert texts[ada]["mention"] == "Somebody", "what people write is theirs"
    await messages.delete(owner, messages.MessageAction(message_id=message.id))
    gone = MessageDeleted(owner, conversation=conversation.id, message=message.id)
    await telling.follow(page(gone))
    read = [next(one.text for one in await told(person) if one.message_id) for person in (ada, grace)]
    assert read == ["Ce message a été supprimé.", "This message was deleted."]
