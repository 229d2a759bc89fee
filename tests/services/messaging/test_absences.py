"""Who is noted as away: once, until they have read."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.actor import Actor
from app.core.database import Document
from app.core.settings import settings
from app.models import Conversation, Delivery, Message, Participant
from app.models.messaging.events import AbsenceHeld, MessageSent, ParticipantNoted
from app.services.messaging import absences, conversations, messages, presence, reads
from app.services.notifications import emails, preferences
from app.services.notifications.preferences import PreferencesEdit, QuietInterval, Weekday
from app.services.organizations import members
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents", "redis")


@pytest.fixture
async def company() -> list[Actor]:
    """An owner and two members."""
    owner = await make_owner()
    assert owner.organization_id
    return [owner, *[await make_member(owner.organization_id, name=name) for name in ("Ada", "Grace")]]


def said(actor: Actor, message: Message) -> MessageSent:
    return MessageSent(actor, conversation=message.conversation_id, message=message.id, sender=message.sender_id)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Go on so much later, until the test ends; ids made by then do not hold up those made afterwards."""
    source = clock.source
    monkeypatch.setattr(clock, "source", lambda: source() + seconds)


async def noted(actor: Actor, conversation: Conversation) -> dict[ObjectId, ObjectId]:
    """The newest message that each absent member was told of."""
    sides = await Participant.select(Actor.platform(actor.organization_id), {"conversation_id": conversation.id})
    return {side.user_id: side.noted_id for side in sides if side.noted_id}


async def speak(actor: Actor, conversation: Conversation, text: str = "Good morning.") -> Message:
    """Say something; the absent are noted as when its window is over."""
    message = await make_message(actor, conversation, text)
    await absences.note(said(actor, message))
    return message


async def test_members_who_have_not_read_are_noted(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    message = await make_message(owner, conversation)
    await reads.mark(ada, reads.ReadMark(conversation_id=conversation.id))
    await absences.note(said(owner, message))
    assert await noted(owner, conversation) == {grace.user_id: message.id}


async def test_nobody_is_noted_again_before_they_have_read(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    first = await speak(owner, conversation)
    await speak(owner, conversation)
    assert await noted(owner, conversation) == {ada.user_id: first.id}
    await reads.mark(ada, reads.ReadMark(conversation_id=conversation.id))
    third = await speak(owner, conversation)
    assert await noted(owner, conversation) == {ada.user_id: third.id}


async def test_who_muted_it_is_not_noted(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    await conversations.prefer(ada, conversations.ConversationPreferences(conversation_id=conversation.id, muted=True))
    await speak(owner, conversation)
    assert await noted(owner, conversation) == {}


async def test_who_is_here_is_not_noted(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    await presence.opened(ada, "a socket")
    await speak(owner, conversation)
    assert await noted(owner, conversation) == {}
    await presence.closed(ada, "a socket")


async def test_who_wrote_last_is_not_away(company: list[Actor]) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    await make_message(owner, conversation)
    answer = await speak(ada, conversation)
    assert await noted(owner, conversation) == {owner.user_id: answer.id, grace.user_id: answer.id}


async def test_what_was_said_before_somebody_joined_is_no_news_to_them(
    company: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, title="Launch")
    message = await make_message(owner, conversation)
    later(monkeypatch, 60)
    addition = conversations.MembersAddition(conversation_id=conversation.id, member_ids=[grace.user_id])
    await conversations.add_members(owner, addition)
    await absences.note(said(owner, message))
    assert await noted(owner, conversation) == {ada.user_id: message.id}


async def test_what_was_taken_back_is_no_news(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    message = await make_message(owner, conversation)
    await messages.delete(owner, messages.MessageAction(message_id=message.id))
    await absences.note(said(owner, message))
    assert await noted(owner, conversation) == {}


async def test_old_messages_are_no_news(company: list[Actor], monkeypatch: pytest.MonkeyPatch) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    message = await make_message(owner, conversation)
    later(monkeypatch, absences.NEWS.total_seconds() + 20)
    await absences.note(said(owner, message))
    assert await noted(owner, conversation) == {}


async def test_only_what_has_waited_long_enough_counts(company: list[Actor], monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of a later window is left to the job of that window."""
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    early = await make_message(owner, conversation)
    await reads.mark(ada, reads.ReadMark(conversation_id=conversation.id))
    later(monkeypatch, absences.WINDOW)
    late = await make_message(owner, conversation)
    await absences.note(said(owner, early))
    assert await noted(owner, conversation) == {}
    await absences.note(said(owner, late))
    assert await noted(owner, conversation) == {ada.user_id: late.id}


async def test_messages_of_one_window_share_a_job_that_waits_for_all_of_them(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    event = said(owner, await make_message(owner, conversation))
    sent, due = clock.time_of(event.message), absences.told_at(event)
    wait = timedelta(seconds=settings().absence_seconds)
    assert sent + wait < due <= sent + wait + timedelta(seconds=absences.WINDOW)
    start = absences.window_end(event) - timedelta(seconds=absences.WINDOW)
    keys = set()
    for second in range(absences.WINDOW + 1):
        id = ObjectId.from_datetime(start + timedelta(seconds=second))
        keys.add(
            absences.window_key(MessageSent(owner, conversation=event.conversation, message=id, sender=ObjectId()))
        )
    assert len(keys) == 2
    assert absences.window_key(event) in keys


async def test_an_email_tells_what_is_unread_by_then(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    first = await speak(owner, conversation)
    second = await make_message(owner, conversation)
    assert ada.user_id
    told = ParticipantNoted(owner, conversation=conversation.id, user=ada.user_id, message=first.id)
    assert [message.id for message in await absences.unread(told)] == [second.id, first.id]
    await presence.opened(ada, "a socket")
    assert not await absences.unread(told), "they are here now"
    await presence.closed(ada, "a socket")
    await reads.mark(ada, reads.ReadMark(conversation_id=conversation.id))
    assert not await absences.unread(told), "and have read"


@pytest.mark.parametrize("transition", ["suspend", "remove"])
async def test_who_may_not_enter_the_organization_is_not_noted(company: list[Actor], transition: str) -> None:
    owner, ada, grace = company
    conversation = await make_conversation(owner, ada, grace)
    assert grace.user_id
    await members.move(owner, grace.user_id, transition)
    message = await speak(owner, conversation)
    assert await noted(owner, conversation) == {ada.user_id: message.id}


async def test_who_was_noted_and_then_suspended_gets_no_e_mail(company: list[Actor]) -> None:
    owner, ada, _ = company
    conversation = await make_conversation(owner, ada)
    message = await speak(owner, conversation)
    assert ada.user_id
    await members.move(owner, ada.user_id, "suspend")
    platform = Actor.platform(owner.organization_id)
    told = ParticipantNoted(platform, conversation=conversation.id, user=ada.user_id, message=message.id)
    assert await absences.unread(told) == []


async def test_an_email_waits_for_quiet_hours_and_does_not_come_to_who_has_read_by_then(
    company: list[Actor], documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ada, grace = company
    moment = datetime(2027, 6, 7, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "source", moment.timestamp)
    quiet = PreferencesEdit(quiet_hours=[QuietInterval(weekday=Weekday.MONDAY, start="09:00", end="18:00")])
    conversation = await make_conversation(owner, ada, grace)
    message = await make_message(owner, conversation)
    platform = Actor.platform(owner.organization_id)
    for person in (ada, grace):
        await preferences.edit(person, quiet)
        assert person.user_id
        told = ParticipantNoted(platform, conversation=conversation.id, user=person.user_id, message=message.id)
        await emails.absence(told)
    assert not await Delivery.select(platform, {"kind": "unread_messages"})
    rows = [event async for row in documents.outbox.find() for event in changes.envelope.unpack(row["_events"])]
    held = [event for row in rows if (event := AbsenceHeld.read(row)) and event.conversation == conversation.id]
    assert {event.due for event in held} == {moment + timedelta(hours=6)}
    await reads.mark(ada, reads.ReadMark(conversation_id=conversation.id))
    for event in held:
        await emails.absence(event)
    [delivery] = await Delivery.select(platform, {"kind": "unread_messages"})
    assert delivery.user_id == grace.user_id
