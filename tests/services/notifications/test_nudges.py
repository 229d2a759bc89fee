"""NTF-6, NTF-7: what goes out beyond the list of notifications, looked at again when its time has come."""

from datetime import datetime, timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.database import Document
from app.models import Channel, Delivery, Message, Mode, Notification, NotificationKind
from app.models.notifications.events import DigestDue, NotificationCreated, NudgeDue
from app.models.organizations.events import OwnershipOffered
from app.services.messaging import conversations, messages
from app.services.notifications import notifications, nudges, preferences, telling
from app.services.notifications.preferences import ChannelChoice, PreferencesEdit, QuietInterval, Weekday
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_owner
from tests.services.notifications.pages import page, said

pytestmark = pytest.mark.usefixtures("documents")

EVERY_DAY = [QuietInterval(weekday=day, start="00:00", end="23:59") for day in Weekday]


@pytest.fixture
async def company() -> list[Actor]:
    """An owner and a member."""
    owner = await make_owner()
    assert owner.organization_id
    return [owner, await make_member(owner.organization_id)]


async def finish() -> None:
    """Nobody asks how the job ends."""


async def choose(actor: Actor, mode: Mode, **given: object) -> None:
    """Let mentions come by e-mail in this mode."""
    choice = ChannelChoice(kind=NotificationKind.MENTION, channel=Channel.EMAIL, mode=mode)
    await preferences.edit(actor, PreferencesEdit.model_validate({"choices": [choice], **given}))


async def mention(owner: Actor, ada: Actor, text: str = "Ada?") -> tuple[Message, Notification]:
    """Name somebody, and plan how they are told."""
    assert ada.user_id
    conversation = await make_conversation(owner, ada)
    message = await make_message(owner, conversation, text, mentions=[ada.user_id])
    await telling.follow(page(said(owner, message)))
    [row] = await Notification.select(ada, {"message_id": message.id})
    await nudges.plan(NotificationCreated(inside(ada), user=ada.user_id, notification=row.id), finish)
    return message, row


def inside(actor: Actor) -> Actor:
    return Actor.platform(actor.organization_id)


async def sent(actor: Actor) -> list[str]:
    """What is to go out to somebody, in a line each."""
    rows = await Delivery.select(inside(actor), {"user_id": actor.user_id})
    return [f"{row.channel.value}: {row.kind} {row.content.get('text', '')}" for row in rows]


async def test_a_digest_says_how_many_more_there_are(
    company: list[Actor], documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ada = company
    monkeypatch.setattr(nudges, "MAX_DIGEST", 2)
    await choose(ada, Mode.DAILY)
    for text in ("First.", "Second.", "Third.", "Fourth."):
        await mention(owner, ada, text)
    event = (await coming(documents, DigestDue, ada))[0]
    assert isinstance(event, DigestDue)
    await nudges.digest(event, finish)
    [delivery] = await Delivery.select(inside(ada), {"user_id": ada.user_id})
    assert (delivery.content["count"], delivery.content["lines"]) == (4, ["Fourth.", "Third.", "+2"])


async def test_what_is_read_while_its_e_mail_still_waits_is_not_sent(company: list[Actor]) -> None:
    owner, ada = company
    await choose(ada, Mode.IMMEDIATE)
    await mention(owner, ada, "Unread.")
    _, row = await mention(owner, ada, "Read.")
    await notifications.mark_read(ada, notifications.NotificationsToRead(ids=[row.id]))
    states = {one.content["text"]: one.state for one in await Delivery.select(inside(ada), {"user_id": ada.user_id})}
    assert states == {"Unread.": "queued", "Read.": "cancelled"}
    await notifications.mark_read(ada, notifications.NotificationsToRead())
    assert {one.state for one in await Delivery.select(inside(ada), {"user_id": ada.user_id})} == {"cancelled"}


async def test_an_offer_that_is_not_read_comes_by_e_mail_after_a_day(
    company: list[Actor], documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escalation: one of two reads it in time, and is not written to."""
    owner, ada = company
    assert ada.organization_id
    grace = await make_member(ada.organization_id)
    moment = clock.now()
    monkeypatch.setattr(clock, "source", moment.timestamp)
    for person in (ada, grace):
        assert person.user_id
        assert owner.user_id
        await telling.follow(page(OwnershipOffered(owner, offer=new_id(), user=person.user_id, by=owner.user_id)))
        [row] = await Notification.select(person, {"kind": NotificationKind.OWNERSHIP.value})
        await nudges.plan(NotificationCreated(inside(person), user=person.user_id, notification=row.id), finish)
        assert await sent(person) == []
    await notifications.mark_read(grace, notifications.NotificationsToRead())
    monkeypatch.setattr(clock, "source", (moment + timedelta(days=1)).timestamp)
    for person in (ada, grace):
        [event] = await coming(documents, NudgeDue, person)
        assert isinstance(event, NudgeDue)
        assert event.due == moment + timedelta(days=1)
        for _ in range(2):
            await nudges.nudge(event, finish)
    [line] = await sent(ada)
    assert line.startswith("email: ownership ")
    assert line.endswith("offers you the ownership of Birch School.")
    assert await sent(grace) == []


async def coming(database: AsyncDatabase[Document], kind: type[Event], actor: Actor) -> list[Event]:
    """The events of a kind that were told for somebody."""
    rows = [event async for row in database.outbox.find() for event in changes.envelope.unpack(row["_events"])]
    return [
        found
        for row in rows
        if row["t"] == kind.type() and row["d"]["user"] == actor.user_id and (found := kind.read(row)) is not None
    ]


async def test_who_has_chosen_it_is_told_at_once_and_once(company: list[Actor]) -> None:
    owner, ada = company
    await mention(owner, ada, "Not yet.")
    assert await sent(ada) == []
    await choose(ada, Mode.IMMEDIATE)
    _, row = await mention(owner, ada, "Now.")
    assert ada.user_id
    await nudges.plan(NotificationCreated(inside(ada), user=ada.user_id, notification=row.id), finish)
    assert await sent(ada) == ["email: mention Now."]


async def test_quiet_hours_hold_it_back_and_it_comes_unless_it_was_read_meanwhile(
    company: list[Actor], documents: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ada = company
    moment = datetime(2026, 6, 1, 12, 0, tzinfo=clock.now().tzinfo).timestamp()
    monkeypatch.setattr(clock, "source", lambda: moment)
    await choose(ada, Mode.IMMEDIATE, quiet_hours=EVERY_DAY)
    for text in ("Read.", "Unread."):
        await mention(owner, ada, text)
    assert await sent(ada) == []
    first, second = await coming(documents, NudgeDue, ada)
    assert isinstance(first, NudgeDue)
    assert isinstance(second, NudgeDue)
    assert first.due == clock.at(moment) + timedelta(hours=11, minutes=59)
    await notifications.mark_read(ada, notifications.NotificationsToRead(ids=[first.notification]))
    monkeypatch.setattr(clock, "source", first.due.timestamp)
    for event in (first, second):
        await nudges.nudge(event, finish)
    assert await sent(ada) == ["email: mention Unread."]


async def test_a_digest_tells_what_can_still_be_read_and_was_not(
    company: list[Actor], documents: AsyncDatabase[Document]
) -> None:
    owner, ada = company
    await choose(ada, Mode.DAILY)
    gone, _ = await mention(owner, ada, "Taken back.")
    _, read = await mention(owner, ada, "Read.")
    for text in ("First.", "Second."):
        await mention(owner, ada, text)
    assert ada.user_id
    group = await make_conversation(owner, ada, title="Left")
    left = await make_message(owner, group, "Left.", mentions=[ada.user_id])
    await telling.follow(page(said(owner, left)))
    [row] = await Notification.select(ada, {"message_id": left.id})
    await nudges.plan(NotificationCreated(inside(ada), user=ada.user_id, notification=row.id), finish)
    await messages.delete(owner, messages.MessageAction(message_id=gone.id))
    await notifications.mark_read(ada, notifications.NotificationsToRead(ids=[read.id]))
    await conversations.remove_member(ada, conversations.MemberRemoval(conversation_id=group.id, user_id=ada.user_id))
    due = await coming(documents, DigestDue, ada)
    assert len({event.due for event in due if isinstance(event, DigestDue)}) == 1
    event = due[0]
    assert isinstance(event, DigestDue)
    for _ in range(2):
        await nudges.digest(event, finish)
    assert await sent(ada) == ["email: digest "]
    [delivery] = await Delivery.select(inside(ada), {"user_id": ada.user_id})
    assert delivery.content["lines"] == ["Second.", "First."]
