from collections.abc import Mapping
from typing import Any

import structlog

from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.services.audit import heads, retention, verification

_log = structlog.stdlib.get_logger(__name__)


@schedule("* * * * *", timeout=300)
async def sign_audit_heads(job: Job[Tick]) -> Mapping[str, Any]:
    """Sign what the chains of the audit trail have come to."""
    return {"chains": await heads.sign()}


@schedule("47 3 * * *", queue=Queue.SLOW, timeout=3600)
async def trim_audit_trail(job: Job[Tick]) -> Mapping[str, Any]:
    """Forget what is older than AUDIT_DAYS."""
    return {"entries": await retention.trim()}


@schedule("7 4 * * *", queue=Queue.SLOW, timeout=6 * 3600, attempts=2)
async def verify_audit_trail(job: Job[Tick]) -> Mapping[str, Any]:
    """Look whether anybody has changed the past."""

    async def report(name: str, done: int, total: int) -> None:
        await job.report(done, total, name)

    verdict = await verification.verify(report)
    if verdict.wrong:
        _log.error("audit.not_as_written", wrong=verdict.wrong[:20])
    return {"chains": verdict.chains, "entries": verdict.entries, "wrong": verdict.wrong[:20]}


JOBS: list[JobType[Any]] = [sign_audit_heads, trim_audit_trail, verify_audit_trail]
