"""The absent member's e-mail, from the message to the mail server."""

import asyncio

import pytest

from app.core import database
from app.core.actor import Actor
from app.core.jobs import endings, queue
from app.jobs.messaging.absences import email_absent, note_absent
from app.models import Conversation, User
from app.services.messaging import conversations, presence, reads
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_owner
from tests.jobs.working import PATIENCE, Worker
from tests.postoffice import PostOffice


@pytest.fixture
async def company(worker: Worker) -> list[Actor]:
    """An owner and three members, whose welcomes have been delivered."""
    return await founded(worker)


async def founded(worker: Worker) -> list[Actor]:
    owner = await make_owner("Olivia Owens")
    assert owner.organization_id
    members = [await make_member(owner.organization_id, name=name) for name in ("Ada", "Grace", "Mary")]
    return [owner, *members]


async def subjects(office: PostOffice, actor: Actor) -> list[str]:
    """What somebody was sent, welcomes aside."""
    assert actor.user_id
    user = await User.require(Actor.platform(), actor.user_id)
    return [str(m["Subject"]) for m in office.to(user.email) if m["Subject"] != "Welcome to Atrium"]


async def read(actor: Actor, conversation: Conversation) -> None:
    await reads.mark(actor, reads.ReadMark(conversation_id=conversation.id))


async def test_only_who_is_away_gets_an_email(worker: Worker, company: list[Actor]) -> None:
    owner, ada, grace, mary = company
    conversation = await make_conversation(owner, ada, grace, mary, title="Course launch")
    await conversations.prefer(mary, conversations.ConversationPreferences(conversation_id=conversation.id, muted=True))
    await make_message(owner, conversation, "We start on Monday. 🎉")
    await read(ada, conversation)
    await worker.settled()
    assert await subjects(worker.office, grace) == ["Olivia Owens wrote in Course launch"]
    for other in (owner, ada, mary):
        assert await subjects(worker.office, other) == []
    (mail,) = (m for m in worker.office.messages if "Course launch" in m["Subject"])
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body
        assert "We start on Monday. 🎉" in body.get_content()


async def test_there_is_no_second_email_before_they_have_read(worker: Worker, company: list[Actor]) -> None:
    owner, ada, grace, _ = company
    conversation = await make_conversation(owner, ada, grace)
    await make_message(owner, conversation, "One")
    await worker.settled()
    await make_message(ada, conversation, "Two")
    await worker.settled()
    assert await subjects(worker.office, grace) == ["Olivia Owens wrote to you"]
    await read(grace, conversation)
    await make_message(ada, conversation, "Three")
    await worker.settled()
    assert await subjects(worker.office, grace) == ["Olivia Owens wrote to you", "Ada wrote to you"]


async def test_an_email_counts_who_wrote_and_quotes_the_newest(idle: Worker) -> None:
    owner, ada, grace, mary = await founded(idle)
    conversation = await make_conversation(owner, ada, grace, mary, title="Launch")
    for actor in (owner, ada, mary):
        for n in range(3):
            await make_message(actor, conversation, f"word {n} of {actor.user_id}")
    idle.start()
    await idle.settled()
    assert await subjects(idle.office, grace) == ["Mary and 2 others wrote in Launch"]
    (mail,) = (m for m in idle.office.messages if m["Subject"] == "Mary and 2 others wrote in Launch")
    body = mail.get_body(("plain",))
    assert body
    quoted = [line for line in body.get_content().splitlines() if line.startswith("> ")]
    assert quoted == [
        f"> word {n} of {actor.user_id}" for actor, n in [(ada, 1), (ada, 2), (mary, 0), (mary, 1), (mary, 2)]
    ]


async def test_who_came_back_gets_no_email(idle: Worker) -> None:
    owner, ada, *_ = await founded(idle)
    conversation = await make_conversation(owner, ada)
    await make_message(owner, conversation)
    await presence.opened(ada, "a socket")
    idle.start()
    await idle.settled()
    await presence.closed(ada, "a socket")
    assert await subjects(idle.office, ada) == []


async def test_a_mail_server_that_is_away_delays_the_email(worker: Worker, company: list[Actor]) -> None:
    owner, ada, *_ = company
    await worker.settled()
    worker.office.refusals += ["451 come back later", "421 not now"]
    await make_message(owner, await make_conversation(owner, ada))
    await worker.settled()
    assert await subjects(worker.office, ada) == ["Olivia Owens wrote to you"]


async def test_an_address_that_is_refused_for_good_is_given_up(worker: Worker, company: list[Actor]) -> None:
    owner, ada, *_ = company
    await worker.settled()
    assert ada.user_id
    address = (await User.require(Actor.platform(), ada.user_id)).email
    worker.office.refused_addresses[address] = "550 nobody of that name"
    await make_message(owner, await make_conversation(owner, ada))
    await worker.settled()
    where = {"state": "bounced"}
    (row,) = await database.collection("deliveries").find(where).to_list()
    assert (row["address"], row["attempts"], row["sealed"]) == (address, 1, b"")
    assert "nobody of that name" in row["reason"]
    assert await database.collection("jobs").find_one({"state": "dead"}) is None


async def test_a_crash_between_the_note_and_the_email_costs_neither(idle: Worker) -> None:
    """The process that took the e-mail's job dies before it sends: another one sends it, once."""
    owner, ada, *_ = await founded(idle)
    await make_message(owner, await make_conversation(owner, ada))
    idle.start(doing=[note_absent])
    async with asyncio.timeout(PATIENCE):
        while not (died := await queue.take("outbound", [email_absent.type], "who dies", 1)):
            await asyncio.sleep(0.05)
    await idle.stop()
    assert idle.office.messages == []
    idle.start()
    await idle.settled()
    assert await subjects(idle.office, ada) == ["Olivia Owens wrote to you"]
    before = await database.collection("jobs").find().to_list()
    await endings.bury(died[0], "too late")
    assert await database.collection("jobs").find().to_list() == before
