"""JOB-4: staff sees and steers jobs, schedules and consumers on the command line."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from app.core.jobs import control
from app.services.platform import jobs as service
from tests.cli.commands import Commands, Store
from tests.world import Processes

ERROR = "Rejected('550 <nobody@example.com>:\n user unknown', 'smtp://atrium:hunter2@mail.example.com/') " + "x" * 500


@pytest.fixture
def jobs(store: Store) -> list[ObjectId]:
    """One that is dead and one that waits, made minutes ago; nothing else is there."""
    store["jobs"].delete_many({})
    rows = [_job("email_invitation.1", "outbound", "dead", last_error=ERROR), _job("trim_log.1", "slow", "waiting")]
    return list(store["jobs"].insert_many(rows).inserted_ids)


def _job(type: str, queue: str, state: str, **columns: Any) -> dict[str, Any]:
    moment = datetime.now(UTC)
    event = {
        "e": ObjectId(),
        "t": "MemberInvited.1",
        "o": None,
        "a": "system",
        "d": {"person": ObjectId(), "w": "said"},
    }
    row = {"_id": ObjectId(secrets.token_bytes(12)), "type": type, "key": "", "queue": queue, "state": state}
    row |= {"priority": 1, "organization_id": ObjectId(), "event": event, "attempt": 3, "attempts": 8}
    row |= {"created_at": moment - timedelta(minutes=3, seconds=30), "due": moment + timedelta(days=1)}
    return {**row, **columns}


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_is_a_table_of_one_line_a_job(atrium: Commands, jobs: list[ObjectId], width: int) -> None:
    header, *lines = atrium.run("jobs", "list", width=width).splitlines()
    assert header.split() == ["ID", "Type", "Queue", "State", "Age", "Tries", "Error"]
    assert len(lines) == 2
    assert all(len(line) <= width for line in (header, *lines))
    dead = next(line for line in lines if "dead" in line)
    assert dead.startswith(str(jobs[0])[:10])
    assert all(part in dead for part in ("email_invitation.1", "outbound", "3 m", "3/8", "Rejected", "…"))


def test_jobs_are_chosen_by_state_type_and_queue(atrium: Commands, jobs: list[ObjectId]) -> None:
    dead, waiting = (str(id) for id in jobs)
    for options, expected in [
        (["--state", "dead"], [dead]),
        (["--state", "dead", "--state", "waiting", "--queue", "slow"], [waiting]),
        (["--type", "trim_log"], [waiting]),
        (["--limit", "1", "--type", "email"], [dead]),
        (["--type", "unheard_of"], []),
    ]:
        assert [job["id"] for job in json.loads(atrium.run("jobs", "list", "--json", *options))] == expected, options
    assert atrium.run("jobs", "list", "--type", "unheard_of").strip() == "There are no such jobs."


def test_a_job_is_shown_whole_by_the_beginning_of_its_id(atrium: Commands, jobs: list[ObjectId]) -> None:
    shown = " ".join(atrium.run("jobs", "show", str(jobs[0])[:9]).split())
    assert all(part in shown for part in (str(jobs[0]), "MemberInvited.1", "by system", "3 of 8", "x" * 20))
    plain = json.loads(atrium.run("jobs", "show", f"Job_{jobs[0]}", "--json"))
    assert (plain["state"], plain["event"]["type"]) == ("dead", "MemberInvited.1")
    for text in (shown, str(plain)):
        assert "hunter2" not in text
        assert "said" not in text


def test_retry_drop_and_cancel_do_what_they_say(atrium: Commands, jobs: list[ObjectId], store: Store) -> None:
    dead, waiting = (str(id) for id in jobs)
    assert "will run again" in atrium.run("jobs", "retry", dead[:10])
    assert _states(store, jobs) == ["ready", "waiting"]
    assert "cancelled" in atrium.run("jobs", "cancel", waiting)
    store["jobs"].update_one({"_id": jobs[0]}, {"$set": {"state": "dead"}})
    assert "dropped" in atrium.run("jobs", "drop", dead)
    assert _states(store, jobs) == ["dropped", "cancelled"]


def test_what_cannot_be_done_is_said_in_a_sentence_and_does_not_stop_the_rest(
    atrium: Commands, jobs: list[ObjectId], store: Store
) -> None:
    unknown = str(ObjectId(secrets.token_bytes(12)))
    told = atrium.run("jobs", "drop", unknown, "nonsense", str(jobs[1]), str(jobs[0]), status=1)
    assert f"There is no job {unknown}." in told
    assert "“nonsense” is not the id of a job" in told
    assert "It is waiting" in told
    assert _states(store, jobs) == ["dropped", "waiting"]
    told = atrium.run("jobs", "show", unknown, status=1)
    assert told.strip() == f"There is no job {unknown}."


def test_several_jobs_of_one_beginning_are_not_guessed_at(atrium: Commands, store: Store) -> None:
    ids = [ObjectId("abcd1234" + end * 16) for end in "12"]
    store["jobs"].insert_many([_job("one.1", "slow", "dead", _id=id) for id in ids])
    assert "Several jobs" in atrium.run("jobs", "retry", "abcd1234", status=1)
    assert _states(store, ids) == ["dead", "dead"]
    assert "will run again" in atrium.run("jobs", "retry", "abcd12341")
    assert _states(store, ids) == ["ready", "dead"]


def test_all_dead_jobs_that_match_are_steered_however_many(
    atrium: Commands, jobs: list[ObjectId], store: Store
) -> None:
    store["jobs"].insert_many([_job("trim_log.1", "slow", "dead") for _ in range(1_003)])
    assert "1,003 dead jobs dropped" in atrium.run("jobs", "drop", "--all", "--type", "trim_log", "--queue", "slow")
    assert "1 dead job will run again" in atrium.run("jobs", "retry", "--all")
    for wrong in (["retry"], ["drop", "--all", str(jobs[0])], ["retry", str(jobs[0]), "--queue", "slow"]):
        atrium.run("jobs", *wrong, status=2)


def test_what_dies_again_is_not_retried_again_by_the_same_command(
    atrium: Commands, jobs: list[ObjectId], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the command does not end, and never gets to the younger ones."""
    rounds: list[service.DeadJobs] = []

    async def retry_dead(*given: Any) -> service.DeadJobs:
        assert len(rounds) < 3
        rounds.append(await retry(*given))
        store["jobs"].update_many({"state": "ready"}, [{"$set": {"state": "dead", "started_at": "$$NOW"}}])
        return rounds[-1]

    retry = service.retry_dead
    monkeypatch.setattr(service, "retry_dead", retry_dead)
    monkeypatch.setattr(control, "MOST", 2)
    store["jobs"].insert_many([_job("trim_log.1", "slow", "dead", last_error="again") for _ in range(3)])
    assert "4 dead jobs will run again" in atrium.run("jobs", "retry", "--all")
    assert [one.count for one in rounds] == [2, 2]
    assert store["jobs"].count_documents({"state": "dead", "started_at": {"$gte": rounds[0].until}}) == 4


def test_counts_and_pauses_are_shown(atrium: Commands, jobs: list[ObjectId]) -> None:
    atrium.run("jobs", "pause", "outbound")
    queues = {one["queue"]: one for one in json.loads(atrium.run("jobs", "counts", "--json"))}
    assert queues["outbound"]["paused"]
    assert (queues["outbound"]["counts"]["dead"], queues["slow"]["counts"]["waiting"]) == (1, 1)
    assert "paused" in atrium.run("jobs", "counts")
    atrium.run("jobs", "resume", "outbound")
    assert "paused" not in atrium.run("jobs", "counts").partition("\n")[2]
    atrium.run("jobs", "pause", "no_such_queue", status=2)


def test_schedules_are_listed_paused_resumed_and_run(atrium: Commands, store: Store) -> None:
    lines = atrium.run("schedules", "list").splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:6] == ["trim_log", "17", "*", "*", "*", "*"] for line in lines)
    atrium.run("schedules", "pause", "trim_log")
    paused = [one["name"] for one in json.loads(atrium.run("schedules", "list", "--json")) if one["paused"]]
    assert paused == ["trim_log"]
    atrium.run("schedules", "resume", "trim_log")
    run = atrium.run("schedules", "run", "trim_log").split()[-1]
    assert store["jobs"].find_one({"_id": ObjectId(run)}, {"type": 1, "state": 1, "_id": 0}) == {
        "type": "trim_log.1",
        "state": "ready",
    }
    for verb in ("pause", "resume", "run"):
        told = atrium.run("schedules", verb, "no_such_thing", status=1)
        assert told.strip() == "There is no schedule no_such_thing."


def test_consumers_are_listed_paused_resumed_and_forgotten(atrium: Commands, store: Store) -> None:
    store["consumers"].delete_many({})
    assert "No consumer ever ran" in atrium.run("consumers", "list")
    store["consumers"].insert_one({"_id": "search", "position": 0})
    assert "search is paused" in atrium.run("consumers", "pause", "search")
    listed = atrium.run("consumers", "list")
    assert max(map(len, listed.splitlines())) <= 80
    assert "paused" in listed
    assert json.loads(atrium.run("consumers", "list", "--json"))["consumers"][0]["paused_at"]
    atrium.run("consumers", "resume", "search")
    assert "paused" not in atrium.run("consumers", "list")
    atrium.run("consumers", "forget", "search")
    for verb in ("pause", "resume", "forget"):
        assert atrium.run("consumers", verb, "search", status=1).strip() == "There is no consumer search."


def test_events_that_no_worker_can_read_are_named_below_the_consumers(atrium: Commands, store: Store) -> None:
    assert "No worker can read" not in atrium.run("consumers", "list")
    moment = datetime.now(UTC) - timedelta(minutes=3, seconds=30)
    store["unread"].insert_many([{"_id": number, "t": "AskedLater.9", "at": moment} for number in (1, 2)])
    told = " ".join(atrium.run("consumers", "list").split())
    assert "No worker can read 2 events, the first came 3 m ago: start one" in told
    assert json.loads(atrium.run("consumers", "list", "--json"))["log"]["unread_events"] == 2
    store["unread"].delete_many({})


def test_a_database_that_was_not_migrated_is_refused_in_a_sentence(redis_url: str, tmp_path: Path) -> None:
    """As a process of its own."""
    told = Processes(tmp_path, f"atrium_cli_{secrets.token_hex(6)}").run("jobs", "list", status=1)
    assert "atrium migrate" in told
    assert "Traceback" not in told


def _states(store: Store, ids: list[ObjectId]) -> list[str]:
    by_id = {row["_id"]: row["state"] for row in store["jobs"].find({"_id": {"$in": ids}})}
    return [by_id[id] for id in ids]
