"""What runs every few minutes for all organizations reads what is due, and not everything there is."""

from typing import Any

import pytest

from app.core import database
from app.core.clock import now
from app.core.jobs import Job, JobType, Schedule, Tick
from app.jobs import roots
from tests.jobs.working import Worker

OFTEN = [job for job in roots.JOBS if isinstance(job.cause, Schedule) and job.cause.cron.startswith("*")]


@pytest.mark.parametrize("job", OFTEN, ids=lambda job: job.name)
async def test_a_frequent_job_reads_through_indexes(job: JobType[Any], idle: Worker) -> None:
    stored = database.database()
    await stored.create_collection("system.profile", capped=True, size=1024 * 1024)
    await stored.command("profile", 1, filter={"ns": {"$ne": f"{stored.name}.system.profile"}})
    await job.run(Job({"_id": job.name, "attempt": 1}, Tick(now())))
    await stored.command("profile", 0)
    seen = await stored["system.profile"].find().to_list()
    assert [entry["ns"] for entry in seen if entry["op"] in ("query", "command")] != []
    assert [entry["command"] for entry in seen if "COLLSCAN" in entry.get("planSummary", "")] == []
