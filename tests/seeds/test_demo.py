import secrets
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from beanie import init_beanie
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core import database as connection
from app.core.actor import Actor
from app.core.changes.scope import OUTBOX
from app.core.database import Document
from app.core.errors import Conflict
from app.core.paging import OLDEST, PageArgs
from app.core.settings import Environment, settings
from app.models import (
    DOCUMENTS,
    Conversation,
    ConversationKind,
    Invitation,
    InvitationState,
    Membership,
    Message,
    Organization,
    Participant,
    User,
)
from app.seeds import SeedsRefused, demo, seed
from app.seeds.people import DEMO, PASSWORD
from app.services.identity import sessions
from app.services.identity.sessions import Device, SignIn
from app.services.messaging import conversations, messages, reads
from app.services.organizations import organizations
from tests.factories.identity import make_user
from tests.factories.organizations import acting, make_organization

PLATFORM = Actor.platform()


@pytest.fixture
async def empty(database: AsyncDatabase[Document]) -> AsyncIterator[None]:
    """A database of its own, with indexes and nothing else."""
    async with fresh():
        yield


@pytest.fixture(scope="module")
async def seeded(database: AsyncDatabase[Document]) -> AsyncIterator[None]:
    """A database that was seeded, for tests that only read."""
    async with fresh():
        await seed(lambda *_: None)
        yield


@asynccontextmanager
async def fresh() -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_name", name := f"atrium_seeds_{secrets.token_hex(6)}")
        await init_beanie(connection.database(), document_models=DOCUMENTS)
        yield
        await connection.client().drop_database(name)


async def stored() -> dict[str, list[Document]]:
    """Every document by collection, apart from the passwords' salted hashes and the random ids of events."""
    kinds = {model.collection for model in DOCUMENTS} - {"credentials"}
    return {kind: await connection.collection(kind).find({}, {"_events": 0}).sort("_id").to_list() for kind in kinds}


async def signed_in(name: str) -> Actor:
    given = await sessions.sign_in(SignIn(email=f"{name}@example.com", password=PASSWORD), Device("", ""))
    assert given.organization_id
    return acting(given.user.id, given.organization_id)


async def inside() -> Actor:
    """The platform in the demonstration's first organization."""
    organization = await Organization.lookup(PLATFORM, slug="demo")
    assert organization
    return Actor.platform(organization.id)


async def conversations_of(actor: Actor) -> list[Conversation]:
    return (await conversations.newest(actor, PageArgs(first=100), archived=False, filter=None)).nodes


@pytest.mark.usefixtures("seeded")
async def test_the_demo_accounts_sign_in_and_share_a_conversation() -> None:
    three = [await signed_in(name) for name in ("owner", "ada", "grace")]
    for actor in three:
        found = [c for c in await conversations_of(actor) if c.title == "Course launch"]
        assert [set(c.member_ids) for c in found] == [{other.user_id for other in three}]
        assert actor.organization_id == (await inside()).organization_id
        assert {o.slug for o in await organizations.mine(actor)} == {"demo", "riverside"}


@pytest.mark.usefixtures("seeded")
async def test_there_are_a_dozen_people_of_every_role_and_a_pending_invitation() -> None:
    actor = await inside()
    roles = Counter(place.role.value for place in await Membership.select(actor))
    assert roles.keys() == {"owner", "admin", "member", "guest"}
    assert roles.total() == 12
    [invitation] = await Invitation.select(actor)
    assert invitation.state is InvitationState.PENDING
    assert await User.lookup(PLATFORM, email=invitation.email) is None


@pytest.mark.usefixtures("seeded")
async def test_conversations_end_with_their_newest_message() -> None:
    actor, anchor = await inside(), clock.now()
    found = await Conversation.select(actor)
    assert Counter(c.kind for c in found) == {ConversationKind.DIRECT: 6, ConversationKind.GROUP: 7}
    for conversation in found:
        said = await Message.select(actor, {"conversation_id": conversation.id}, order=OLDEST)
        assert (conversation.last_message_id, conversation.active_at) == (said[-1].id, said[-1].sent_at)
        assert conversation.created_at < said[0].sent_at
        assert said[-1].sent_at < anchor
        assert [m.sent_at for m in said] == sorted({m.sent_at for m in said})
        assert all(clock.time_of(m.id) == m.sent_at for m in said)


@pytest.mark.usefixtures("seeded")
async def test_one_conversation_has_many_pages() -> None:
    actor = await signed_in("owner")
    [everyone] = [c for c in await conversations_of(actor) if c.title == "Everyone"]
    seen: list[ObjectId] = []
    after, more = None, True
    while more:
        page = await messages.newest(actor, everyone.id, PageArgs(first=100, after=after))
        seen += [m.id for m in page.nodes]
        after, more = page.end_cursor, page.has_next_page
    assert len(seen) > 300
    assert seen == sorted(set(seen), reverse=True)


@pytest.mark.usefixtures("seeded")
async def test_messages_show_everything_that_a_message_can_be() -> None:
    said = await Message.select(await inside())
    texts = "".join(m.text for m in said)
    assert {unicodedata.bidirectional(c) for c in texts} >= {"L", "R", "AL"}, "some read from right to left"
    assert any(unicodedata.category(c) == "So" for c in texts), "there are emoji"
    assert not [text for text in (m.text for m in said) if "{" in text or " [" in text], "a note or slot is left over"
    kinds: dict[str, Any] = {
        "edited": [m for m in said if m.edited_at],
        "deleted": [m for m in said if m.deleted_at],
        "replied": [m for m in said if m.reply_to_id],
        "mentioning": [m for m in said if m.mention_ids],
        "pointing": [m for m in said if m.attachments],
        "reacted": [m for m in said if m.reactions],
    }
    assert all(len(found) >= 2 for found in kinds.values()), {kind: len(found) for kind, found in kinds.items()}
    assert not any(m.text or m.attachments or m.reactions or m.mention_ids for m in kinds["deleted"])


@pytest.mark.usefixtures("seeded")
async def test_messages_refer_to_what_is_there() -> None:
    actor = await inside()
    members = {c.id: set(c.member_ids) for c in await Conversation.select(actor)}
    said = {m.id: m for m in await Message.select(actor)}
    for message in said.values():
        here = members[message.conversation_id]
        assert message.sender_id in here
        assert {*message.mention_ids, *(reaction.user_id for reaction in message.reactions)} <= here
        if message.reply_to_id:
            answered = said[message.reply_to_id]
            assert answered.conversation_id == message.conversation_id
            assert answered.id < message.id
            assert message.thread_id == (answered.thread_id or answered.id)
    sides = {(side.conversation_id, side.user_id) for side in await Participant.select(actor)}
    assert sides == {(id, user_id) for id, users in members.items() for user_id in users}


@pytest.mark.usefixtures("seeded")
async def test_some_have_messages_to_read_and_the_absent_third_has_none() -> None:
    async def unread(name: str) -> dict[str | None, int]:
        actor = await signed_in(name)
        mine = {c.id: c.title for c in await conversations_of(actor)}
        return {mine[id]: count for id, count in (await reads.unread(actor, mine, None)).items() if count}

    assert await unread("ada") == {"Language evenings": 1, "Spring schedule": 3, "Student support": 4}
    assert await unread("owner") == {None: 1, "Website and brand": 2}
    assert await unread("grace") == {}


async def test_seeding_again_changes_nothing(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_last", clock._last)  # ids of a later day must not hold up those made afterwards
    await seed(lambda *_: None)
    ada = await signed_in("ada")
    [launch] = [c for c in await conversations_of(ada) if c.title == "Course launch"]
    assert ada.user_id
    await conversations.remove_member(ada, conversations.MemberRemoval(conversation_id=launch.id, user_id=ada.user_id))
    before, told = await stored(), await connection.collection(OUTBOX).count_documents({})
    later = clock.source() + 86_400
    monkeypatch.setattr(clock, "source", lambda: later)
    steps: list[tuple[str, int, int]] = []
    await seed(lambda *step: steps.append(step))
    assert await stored() == before
    assert await connection.collection(OUTBOX).count_documents({}) == told
    assert steps[-1][1] == steps[-1][2]


async def test_a_run_that_was_broken_off_can_be_run_again(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_last", clock._last)
    moment = clock.source()
    monkeypatch.setattr(clock, "source", lambda: moment)
    await seed(lambda *_: None)
    whole = await stored()
    await connection.client().drop_database(connection.database().name)
    await init_beanie(connection.database(), document_models=DOCUMENTS)

    def break_off(name: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await seed(break_off)
    assert await stored() != whole
    monkeypatch.setattr(clock, "source", lambda: moment + 3_600)
    await seed(lambda *_: None)
    assert await stored() == whole


async def test_what_is_somebody_elses_is_left_alone(empty: None) -> None:
    stranger = await make_user(email="ada@example.com")
    with pytest.raises(Conflict, match="accounts"):
        await seed(lambda *_: None)
    assert [user.id for user in await User.select(PLATFORM)] == [stranger.id]
    await make_organization(stranger, name=DEMO.name)
    with pytest.raises(Conflict, match="organization"):
        await seed(lambda *_: None)


async def test_production_is_never_seeded(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    production = settings().model_copy(update={"atrium_env": Environment.PRODUCTION})
    monkeypatch.setattr(demo, "settings", lambda: production)
    with pytest.raises(SeedsRefused):
        await seed(lambda *_: None)
    assert not await User.select(PLATFORM)
