from collections.abc import Mapping
from typing import Any

import structlog

from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.services.ledger import verification

_log = structlog.stdlib.get_logger(__name__)


@schedule("37 4 * * *", queue=Queue.SLOW, timeout=6 * 3600, attempts=2)
async def verify_books(job: Job[Tick]) -> Mapping[str, Any]:
    """Look whether every book adds up, and every invoice is what was issued."""

    async def report(name: str, done: int, total: int) -> None:
        await job.report(done, total, name)

    verdict = await verification.verify(report)
    if verdict.wrong:
        _log.error("ledger.does_not_add_up", wrong=verdict.wrong[:20])
    return {"books": verdict.books, "wrong": verdict.wrong[:20]}


JOBS: list[JobType[Any]] = [verify_books]
