"""The deletion of an organization: who is told, and what is taken back when a step fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.core import database, sagas
from app.core.actor import Actor
from app.core.clock import now
from app.core.jobs import Permanent
from app.core.sagas import Saga, SagaState
from app.core.settings import settings
from app.models import (
    TENANT_COLLECTIONS,
    TENANT_DOCUMENTS,
    Membership,
    MembershipState,
    Message,
    Organization,
    OrganizationState,
    Role,
    User,
)
from app.models.orphans import orphans
from app.services.organizations import deletion, members
from app.services.organizations.deletion import OrganizationDeletion
from tests.factories.messaging import make_conversation, make_message
from tests.factories.organizations import make_member, make_owner
from tests.jobs.working import PATIENCE, Worker


@pytest.fixture
async def hasty(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    """A worker that has not started, of an Atrium that gives nobody time to think."""
    monkeypatch.setenv("ORGANIZATION_DELETION_GRACE_DAYS", "0")
    monkeypatch.setenv("GRAPHQL_TIMEOUT_SECONDS", "0.2")
    settings.cache_clear()
    monkeypatch.setattr(deletion, "PLACES", 2)
    monkeypatch.setattr(deletion, "ROWS", 2)
    monkeypatch.setattr(deletion, "STRAGGLERS", timedelta(seconds=0.2))
    yield idle


async def company() -> tuple[Actor, Actor, list[Actor]]:
    """An owner, a second owner, and members: one of them suspended, one who has left."""
    owner = await make_owner()
    assert owner.organization_id
    second = await make_member(owner.organization_id, Role.OWNER, name="Sofia Second")
    others = [await make_member(owner.organization_id) for _ in range(5)]
    for member, move in zip(others, ("suspend", "remove"), strict=False):
        assert member.user_id
        await members.move(owner, member.user_id, move)
    return owner, second, others


async def asked(owner: Actor) -> Organization:
    organization = await Organization.require(owner, owner.organization_id)  # type: ignore[arg-type]
    return await deletion.request(owner, OrganizationDeletion(slug=organization.slug, reason="Enough."))


async def places(owner: Actor) -> list[tuple[Any, ...]]:
    rows = await Membership.select(Actor.platform(owner.organization_id))
    return sorted((row.id, row.state, row.role, row.closed) for row in rows)


async def subjects(worker: Worker, people: Sequence[Actor]) -> list[list[str]]:
    """What each of them got by e-mail, welcome aside."""
    users = [await User.require(Actor.platform(), person.user_id) for person in people]  # type: ignore[arg-type]
    return [[m["Subject"] for m in worker.office.to(u.email) if "Welcome" not in m["Subject"]] for u in users]


async def went(count: int, state: str = "sent") -> None:
    """Wait until so many e-mails about deletions have come so far."""
    where = {"kind": {"$regex": "^deletion_"}, "state": state, "attempts": {"$gt": 0}}
    async with asyncio.timeout(PATIENCE):
        while await database.collection("deliveries").count_documents(where) < count:
            await asyncio.sleep(0.02)


async def test_owners_are_told_of_a_request_and_of_its_end(worker: Worker) -> None:
    owner, second, others = await company()
    organization = await asked(owner)
    assert organization.deletion
    days = (organization.deletion.due_at - organization.deletion.requested_at).days
    assert days == settings().organization_deletion_grace_days == 14
    await went(2)
    await deletion.cancel(second)
    await went(4)
    told = [["Birch School is to be deleted", "Birch School stays"]] * 2
    assert await subjects(worker, [owner, second, others[2]]) == [*told, []]
    mail = worker.office.to((await User.require(Actor.platform(), owner.user_id)).email)[-2]  # type: ignore[arg-type]
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content()
    assert "Olivia Owens asked to delete Birch School" in text
    assert "Enough." in text


@pytest.mark.parametrize(("refusal", "state"), [("550 no such mailbox", "bounced"), ("451 come again later", "queued")])
async def test_one_owners_bad_mailbox_hides_the_news_from_no_other(worker: Worker, refusal: str, state: str) -> None:
    owner, second, _ = await company()
    third = await make_member(owner.organization_id, Role.OWNER, name="Theo Third")  # type: ignore[arg-type]
    bad = await User.require(Actor.platform(), second.user_id)  # type: ignore[arg-type]
    worker.office.refused_addresses[bad.email] = refusal
    await asked(owner)
    await went(2)
    await went(1, state)
    await done("email_deletion_requested")
    assert await subjects(worker, [owner, second, third]) == [
        ["Birch School is to be deleted"],
        [],
        ["Birch School is to be deleted"],
    ]


async def test_a_deletion_that_fails_leaves_everything_as_it_was(
    hasty: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, second, _ = await company()
    before = await places(owner)
    close, calls = members.close, 0

    async def breaks(actor: Actor, limit: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Permanent("the last door does not shut")
        return await close(actor, limit)

    monkeypatch.setattr(members, "close", breaks)
    hasty.start()
    await asked(owner)
    saga = await over(owner)
    assert saga.state is SagaState.COMPENSATED
    assert [(past.step, past.undone) for past in saga.history] == [
        ("grace", False),
        ("close", False),
        ("close", True),
        ("grace", True),
    ]
    assert await places(owner) == before, "exactly those who were active are so again"
    organization = await Organization.require(owner, owner.organization_id)  # type: ignore[arg-type]
    assert (organization.state, organization.deletion) == (OrganizationState.ACTIVE, None)
    await went(4)
    assert [one[-1] for one in await subjects(hasty, [owner, second])] == ["Birch School stays"] * 2
    again = await asked(owner)
    assert again.deletion, "it can be asked for again"


async def test_everything_goes_in_batches(hasty: Worker) -> None:
    owner, _, _ = await company()
    other = await make_owner("Other")
    theirs = await places(other)
    hasty.start()
    await asked(owner)
    saga = await over(owner)
    assert (saga.state, [past.step for past in saga.history]) == (SagaState.DONE, ["grace", "close", "erase", "bury"])
    assert saga.turn > 10, "a batch is two rows here"
    assert await places(owner) == []
    assert await User.select(Actor.platform(owner.organization_id)) == []
    assert await places(other) == theirs


async def test_what_was_still_under_way_leaves_nothing_behind(hasty: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "STRAGGLERS", timedelta(days=1))
    owner, second, _ = await company()
    talk = await make_conversation(owner, second)
    for _ in range(3):
        await make_message(second, talk)
    hasty.start()
    await asked(owner)
    waiting = await until(owner, lambda saga: saga.step == "bury")
    assert await places(owner) == []
    inside = Actor.platform(owner.organization_id)
    assert await Message.tally(inside, cap=1) == 0
    late = {"organization_id": owner.organization_id, "conversation_id": talk.id}
    for name in ("messages", "participants", "notifications"):
        await database.collection(name).insert_one(dict(late))
    soon = {"event.d.saga": waiting.id, "event.d.turn": waiting.turn, "state": "waiting"}
    async with asyncio.timeout(PATIENCE):
        while not (await database.collection("jobs").update_one(soon, {"$set": {"due": now()}})).matched_count:
            await asyncio.sleep(0.02)
    assert (await over(owner)).state is SagaState.DONE
    assert [await document.tally(inside, cap=1) for document in TENANT_DOCUMENTS] == [0] * len(TENANT_DOCUMENTS)
    assert await orphans() == []


async def test_no_row_is_looked_for_without_an_index(hasty: Worker) -> None:
    """Else one tenant's end would read every other's rows, batch by batch."""
    owner, second, _ = await company()
    for title in ("a", "b", "c"):
        talk = await make_conversation(owner, second, title=title)
        for _ in range(5):
            await make_message(second, talk)
    stored = database.database()
    touched = {"ns": {"$in": [f"{stored.name}.{name}" for name in TENANT_COLLECTIONS]}}
    await stored.create_collection("system.profile", capped=True, size=16 * 1024 * 1024)
    await stored.command("profile", 1, filter=touched)
    hasty.start()
    await asked(owner)
    saga = await over(owner)
    await stored.command("profile", 0)
    inside = Actor.platform(owner.organization_id)
    assert saga.state is SagaState.DONE
    assert [await document.tally(inside, cap=1) for document in TENANT_DOCUMENTS] == [0] * len(TENANT_DOCUMENTS)
    seen = await stored["system.profile"].find().to_list()
    assert {entry["ns"].partition(".")[2] for entry in seen if entry["op"] == "remove"} >= {"messages", "participants"}
    assert [entry["command"] for entry in seen if "COLLSCAN" in entry.get("planSummary", "")] == []


async def test_no_row_goes_while_the_doors_are_open(hasty: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def does_not_close(saga: Saga, transition: str) -> None:
        """As if somebody had opened them again."""

    monkeypatch.setattr(deletion, "_move", does_not_close)
    owner, _, _ = await company()
    hasty.start()
    await asked(owner)
    saga = await until(owner, lambda saga: saga.state is SagaState.STUCK)
    assert (saga.step, saga.final) == ("erase", True)
    assert len(await places(owner)) == 7


async def test_members_told_of_their_places_are_told_in_the_log(hasty: Worker) -> None:
    """API processes end the sign-ins of whom the log names."""
    owner, _, _ = await company()
    active = {row.user_id for row in await Membership.select(owner, {"state": MembershipState.ACTIVE.value})}
    hasty.start()
    await asked(owner)
    await over(owner)
    rows = database.collection("log").find({"t": "MembershipChanged.1", "o": owner.organization_id, "a": "system"})
    told = [(row["d"]["user"], row["d"]["state"]) async for row in rows]
    assert sorted(told) == sorted((user, "suspended") for user in active)


async def test_staff_may_stop_a_deletion_until_rows_go(hasty: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHQL_TIMEOUT_SECONDS", "60")  # for so long the closed doors stay closed before rows go
    settings.cache_clear()
    owner, _, _ = await company()
    before = await places(owner)
    hasty.start()
    await asked(owner)
    saga = await until(owner, lambda saga: saga.step == "erase")
    assert {state for _, state, _, _ in await places(owner)} == {MembershipState.SUSPENDED, MembershipState.LEFT}
    await sagas.cancel(saga.id, "asked for by telephone")
    saga = await over(owner)
    assert (saga.state, saga.stop) == (SagaState.CANCELLED, "asked for by telephone")
    assert await places(owner) == before


async def over(owner: Actor) -> Saga:
    """The deletion of the owner's organization, as it is at its end."""
    return await until(owner, lambda saga: saga.ended_at is not None)


async def until(owner: Actor, holds: Callable[[Saga], bool]) -> Saga:
    async with asyncio.timeout(PATIENCE):
        while not ((saga := await sagas.find({"organization_id": owner.organization_id})) and holds(saga)):
            await asyncio.sleep(0.02)
        return saga


async def done(kind: str, count: int = 1, state: str = "done") -> None:
    """Wait until so many jobs of this kind are done, or came to another state."""
    async with asyncio.timeout(PATIENCE):
        while await database.collection("jobs").count_documents({"type": f"{kind}.1", "state": state}) < count:
            await asyncio.sleep(0.02)
