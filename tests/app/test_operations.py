"""JOB-1, JOB-4: staff sees and steers the jobs of all organizations, over the API of a running Atrium."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core.clock import now
from tests import documents
from tests.app.props import stored_job
from tests.world import Person, World, until

Store = AsyncDatabase[dict[str, Any]]

TRANSITIONS = "availableTransitions { name allowed blockedReason }"


@pytest.fixture(scope="package")
def staff(world: World) -> Person:
    assert world.staff
    return world.staff


@pytest.fixture
async def dead(company: list[Person]) -> AsyncIterator[str]:
    yield await stored_job(company[0], "dead", last_error="ValueError('password=hunter2')", attempt=8)


def _inside(person: Person, **more: Any) -> dict[str, Any]:
    return {"filter": {"organizationId": {"eq": person.organization}, **more}}


async def _listed(staff: Person, person: Person, **more: Any) -> list[str]:
    return [job["id"] for job in (await staff.call("jobs", **_inside(person, **more)))["nodes"]]


async def test_an_invitation_is_a_job_that_staff_can_follow_to_its_cause(company: list[Person], staff: Person) -> None:
    owner = company[0]
    invitation = await owner.call("inviteMember", input={"email": "somebody@example.com"})

    async def job() -> dict[str, Any] | None:
        found = (await staff.call("jobs", depth=3, **_inside(owner, type={"eq": "email_invitation.1"})))["nodes"]
        about = [one for one in found if {"name": "invitation", "id": invitation["id"][11:]} in _subjects(one)]
        return about[0] if about else None

    found = await until(job)
    assert found["organizationId"] == owner.organization
    assert found["event"]["type"] == "MemberInvited.1"
    assert found["event"]["actor"] == f"u:{owner.id[5:]}"
    assert "somebody@example.com" not in str(found)


async def test_jobs_are_listed_newest_first_page_by_page(company: list[Person], staff: Person) -> None:
    owner = company[0]
    made = [await stored_job(owner, "dead", created_at=now() - timedelta(minutes=n // 2)) for n in range(5)]
    asked = _inside(owner, state={"eq": "DEAD"})
    seen: list[str] = []
    after = None
    while True:
        page = await staff.call("jobs", first=2, after=after, **asked)
        seen += [job["id"] for job in page["nodes"]]
        if not (after := page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None):
            break
    assert set(seen) == set(made)
    assert len(seen) == len(made)
    times = [(await staff.call("job", id=id))["createdAt"] for id in seen]
    assert times == sorted(times, reverse=True)


async def test_jobs_are_found_by_what_they_are(company: list[Person], staff: Person, dead: str) -> None:
    owner = company[0]
    running = await stored_job(owner, "running", queue="fast", created_at=now() - timedelta(days=2))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"state": {"in": ["DEAD", "DROPPED"]}}, [dead]),
        ({"queue": {"eq": "fast"}}, [running]),
        ({"createdAt": {"gt": (now() - timedelta(days=1)).isoformat()}, "type": {"startsWith": "unheard"}}, [dead]),
        ({"or": [{"queue": {"eq": "fast"}}, {"state": {"eq": "DEAD"}}]}, [dead, running]),
    ]
    for filter, expected in cases:
        assert await _listed(staff, owner, **filter) == expected, filter


async def test_no_secret_of_an_error_or_result_is_shown(company: list[Person], staff: Person, dead: str) -> None:
    assert (await staff.call("job", id=dead))["lastError"] == "ValueError('password=[redacted]')"
    result = {"count": 3, "token": "hunter2", "id": ObjectId(), "at": now()}
    done = await staff.call("job", id=await stored_job(company[0], "done", result=result))
    assert done["result"]["count"] == 3
    assert "hunter2" not in str(done)


async def test_a_dead_job_is_retried_once(company: list[Person], staff: Person, dead: str, store: Store) -> None:
    retried = await staff.call("retryJob", input={"jobId": dead})
    assert (retried["state"], retried["attempt"]) == ("READY", 0)
    refused = await staff.call("retryJob", input={"jobId": dead})
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "ILLEGAL_TRANSITION")
    await until(lambda: _told(store, dead, ("retry", f"u:{staff.id[5:]}", None)))


async def test_a_dead_job_is_dropped(staff: Person, dead: str, store: Store) -> None:
    dropped = await staff.call("dropJob", input={"jobId": dead})
    assert dropped["state"] == "DROPPED"
    assert dropped["finishedAt"]
    await until(lambda: _told(store, dead, ("drop", f"u:{staff.id[5:]}", None)))


async def test_cancelling_ends_what_waits_and_asks_what_runs(company: list[Person], staff: Person) -> None:
    waiting = await stored_job(company[0], "waiting", due=now() + timedelta(days=1))
    assert (await staff.call("cancelJob", input={"jobId": waiting}))["state"] == "CANCELLED"
    running = await stored_job(company[0], "running", due=now() + timedelta(days=1), owner="somebody")
    asked = await staff.call("cancelJob", input={"jobId": running})
    assert (asked["state"], asked["cancelling"]) == ("RUNNING", True)
    done = await stored_job(company[0], "done")
    assert (await staff.call("cancelJob", input={"jobId": done}))["code"] == "ILLEGAL_TRANSITION"


async def test_what_may_happen_to_a_job_is_shown(staff: Person, dead: str) -> None:
    job = await staff.call("job", depth=3, id=dead)
    assert {one["name"]: one["allowed"] for one in job["availableTransitions"]} == {"retry": True, "drop": True}
    await staff.call("retryJob", input={"jobId": dead})
    job = await staff.call("job", depth=3, id=dead)
    shown = {one["name"]: (one["allowed"], one["blockedReason"]) for one in job["availableTransitions"]}
    assert shown == {"begin": (False, "Only the platform does this."), "cancel": (True, None)}


async def test_a_rehearsed_retry_changes_nothing(staff: Person, dead: str, store: Store) -> None:
    for name in ("retryJob", "dropJob"):
        text, variables = documents.operation(name, {"input": {"jobId": dead}}, directive="@dryRun", depth=1)
        assert (await staff.ask(text, **variables))["a0"]["state"] in ("READY", "DROPPED")
    assert (await staff.call("job", id=dead))["state"] == "DEAD"
    await asyncio.sleep(0.5)
    assert await _told(store, dead)


async def test_all_dead_jobs_that_match_are_retried_or_dropped(company: list[Person], staff: Person) -> None:
    owner = company[0]
    dead = [await stored_job(owner, "dead", queue=queue) for queue in ("fast", "slow", "slow")]
    done = await stored_job(owner, "done", queue="slow")
    slow = _inside(owner, queue={"eq": "slow"})
    retried = await staff.call("retryDeadJobs", **slow)
    assert (retried["count"], retried["more"]) == (2, False)
    assert (await staff.call("retryDeadJobs", **slow))["count"] == 0
    assert (await staff.call("dropDeadJobs", **_inside(owner)))["count"] == 1
    states = [(await staff.call("job", id=id))["state"] for id in (*dead, done)]
    assert states == ["DROPPED", "READY", "READY", "DONE"]


async def test_one_call_reaches_a_thousand(company: list[Person], staff: Person, store: Store) -> None:
    first = await stored_job(company[0], "dead")
    row = await store["jobs"].find_one({"_id": ObjectId(first[4:])})
    assert row
    await store["jobs"].insert_many([{**row, "_id": ObjectId()} for _ in range(1_004)])
    mine = _inside(company[0])
    dropped = await staff.call("dropDeadJobs", **mine)
    again = await stored_job(company[0], "dead", started_at=now() + timedelta(minutes=1))
    rest = await staff.call("dropDeadJobs", **mine, diedBefore=dropped["until"])
    assert [(one["count"], one["more"]) for one in (dropped, rest)] == [(1_000, True), (5, False)]
    assert rest["until"] == dropped["until"]
    assert await _state(staff, again, "DEAD"), "it died since"
    naive = await staff.call("dropDeadJobs", **mine, diedBefore="2001-01-01T00:00:00")
    assert (naive["count"], naive["until"]) == (0, "2001-01-01T00:00:00+00:00")


async def test_unknown_jobs_and_schedules_are_refused_as_data(staff: Person, company: list[Person]) -> None:
    unknown = {"jobId": f"Job_{ObjectId()}"}
    for name in ("retryJob", "cancelJob", "dropJob"):
        assert (await staff.call(name, input=unknown))["code"] == "NOT_FOUND"
        assert (await staff.call(name, input={"jobId": company[0].id}))["code"] == "NOT_FOUND"
    for name in ("pauseSchedule", "resumeSchedule", "runSchedule"):
        refused = await staff.call(name, input={"name": "no_such_thing"})
        assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "name"])


async def test_a_paused_queue_begins_nothing_until_it_is_resumed(staff: Person, store: Store) -> None:
    assert (await staff.call("pauseQueue", input={"queue": "SLOW"}))["paused"]
    try:
        assert {one["name"] for one in await staff.call("queues") if one["paused"]} == {"SLOW"}
        await asyncio.sleep(1.5)  # runners look once a second whether they may go on
        run = await staff.call("runSchedule", input={"name": "trim_log"})
        await asyncio.sleep(1.0)
        assert (await staff.call("job", id=run["id"]))["state"] == "READY"
    finally:
        resumed = await staff.call("resumeQueue", input={"queue": "SLOW"})
    assert not resumed["paused"]
    await until(lambda: _state(staff, run["id"], "DONE"))
    by = f"u:{staff.id[5:]}", None
    await until(lambda: _told(store, "slow", ("pause", *by), ("resume", *by)))


async def test_a_schedule_is_paused_resumed_and_run(staff: Person) -> None:
    async def trim() -> dict[str, Any]:
        found = await staff.call("schedules", depth=3)
        return next(dict(one) for one in found if one["name"] == "trim_log")

    shown = await trim()
    assert (shown["cron"], shown["zone"], shown["catchUp"]) == ("17 * * * *", "UTC", "LAST")
    assert shown["nextTick"] > now().isoformat()
    assert (await staff.call("pauseSchedule", input={"name": "trim_log"}))["paused"]
    assert (await trim())["paused"]
    assert not (await staff.call("resumeSchedule", input={"name": "trim_log"}))["paused"]
    run = await staff.call("runSchedule", input={"name": "trim_log"})
    assert run["type"] == "trim_log.1"
    await until(lambda: _state(staff, run["id"], "DONE"))
    assert run["id"] in [one["id"] for one in (await trim())["runs"]["nodes"]]


async def test_the_log_and_its_readers_are_shown(company: list[Person], staff: Person) -> None:
    before = await staff.call("changeLog")
    await company[0].call("updateOrganization", input={"name": "Another"})

    async def grown() -> bool:
        return bool((await staff.call("changeLog"))["head"] > before["head"])

    await until(grown)
    assert before["owner"]
    assert before["lagSeconds"] < 60
    assert (before["unreadEvents"], before["unreadSince"]) == (0, None)
    names = {one["name"] for one in await staff.call("consumers")}
    assert {"jobs", "activity", "notifications"} <= names


async def test_a_paused_consumer_reads_nothing_until_it_is_resumed(company: list[Person], staff: Person) -> None:
    owner, ada, _ = company
    group = await owner.start(ada, title="Quiet")

    async def noted(text: str) -> bool:
        last = (await owner.call("conversation", depth=3, id=group))["lastMessage"]
        return bool(last and last["text"] == text)

    await owner.send(group, "before")
    await until(lambda: noted("before"))
    assert (await staff.call("pauseConsumer", input={"name": "activity"}))["pausedAt"]
    try:
        await asyncio.sleep(2.5)  # it hears of it when its lease is to be renewed
        await owner.send(group, "while it is stopped")
        await asyncio.sleep(2)
        assert not await noted("while it is stopped")
    finally:
        resumed = await staff.call("resumeConsumer", input={"name": "activity"})
    assert resumed["pausedAt"] is None
    await until(lambda: noted("while it is stopped"), 30)
    refused = await staff.call("pauseConsumer", input={"name": "no_such_thing"})
    assert (refused["code"], refused["path"]) == ("CONSUMER_NOT_FOUND", ["input", "name"])


async def test_counts_come_live_when_they_change(company: list[Person], staff: Person) -> None:
    async with staff.live() as socket:
        await socket.follow("jobCounts")
        before = _dead(await _counts(socket))
        await stored_job(company[0], "dead")
        await stored_job(company[0], "dead")
        after = before
        while after < before + 2:
            after = _dead(await _counts(socket))
        assert after == before + 2


async def test_progress_comes_live_until_the_job_has_ended(company: list[Person], staff: Person, store: Store) -> None:
    id = await stored_job(company[0], "running", due=now() + timedelta(days=1))
    where = {"_id": ObjectId(id[4:])}
    async with staff.live() as socket:
        await socket.follow("jobProgress", id=id)
        assert (await socket.next())["a0"]["progress"] is None
        await store["jobs"].update_one(where, {"$set": {"progress": {"done": 1, "total": 2, "note": "half"}}})
        assert (await socket.next())["a0"]["progress"]["note"] == "half"
        await store["jobs"].update_one(where, {"$set": {"state": "done", "result": {"rows": 2}}})
        ended = (await socket.next())["a0"]
        assert (ended["state"], ended["result"]) == ("DONE", {"rows": 2})
        assert (await socket.receive())["type"] == "complete"
    async with staff.live() as socket:
        await socket.follow("jobProgress", id=f"Job_{ObjectId()}")
        assert await socket.refusal() == "NOT_FOUND"


async def _counts(socket: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await socket.next())["a0"]
    return found


def _dead(queues: list[dict[str, Any]]) -> int:
    return sum(queue["counts"]["dead"] for queue in queues)


async def _state(staff: Person, id: str, state: str) -> bool:
    return bool((await staff.call("job", id=id))["state"] == state)


def _subjects(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": one["name"], "id": one["id"]} for one in job["event"]["subjects"]]


async def _told(store: Store, subject: str, *acts: tuple[str, str, Any]) -> bool:
    """Whether this was done last to a job or queue, as the log has it: each action, by whom, for which organization."""
    rows = store["log"].find({"t": "StaffActed.1", "d.subject": subject.removeprefix("Job_")}).sort("_id", 1)
    told = [(row["d"]["action"], row["a"], row["o"]) async for row in rows]
    return told[-len(acts) :] == list(acts)


async def test_staff_sees_whether_what_the_platform_has_sent_came_through(company: list[Person], staff: Person) -> None:
    ada = company[1]
    await ada.call("requestPasswordReset", input={"email": ada.email})

    async def sent() -> Any:
        found = (await staff.call("platformDeliveries", first=50))["nodes"]
        return next((one for one in found if (one["address"], one["kind"]) == (ada.email, "reset_password")), None)

    assert (await until(sent))["channel"] == "EMAIL"
    await until(lambda: _settled(sent))


async def _settled(sent: Callable[[], Awaitable[Any]]) -> bool:
    return bool((await sent())["state"] == "SENT")
