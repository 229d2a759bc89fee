from collections.abc import Mapping
from typing import Any

import structlog

from app.core.backups import Announce, BackupError
from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.core.settings import settings
from app.services.platform import backups

_log = structlog.stdlib.get_logger(__name__)
_OFF = {"off": "BACKUP_URL is not set"}


@schedule("41 1 * * *", queue=Queue.SLOW, timeout=6 * 3600, attempts=3)
async def back_up(job: Job[Tick]) -> Mapping[str, Any]:
    """Make the full backup of the night, and forget those that need not be kept."""
    if not settings().backup_url:
        return _OFF
    made = await backups.create(_reporting(job))
    return {"name": made.name, "documents": made.documents, "size": made.size}


@schedule("11 4 * * *", queue=Queue.SLOW, timeout=6 * 3600, attempts=2)
async def drill_restore(job: Job[Tick]) -> Mapping[str, Any]:
    """Restore the newest backup beside the database and check it: the only proof that there is one."""
    if not settings().backup_url:
        return _OFF
    try:
        done = await backups.drill(_reporting(job))
    except BackupError as error:
        _log.error("backup.drill_failed", error=str(error))
        raise
    figures = {"documents": done.restored.documents, "operations": done.restored.operations}
    figures |= {"seconds": round(done.seconds), "behind_seconds": round(done.behind)}
    _log.info("backup.drilled", **figures)
    return figures


def _reporting(job: Job[Tick]) -> Announce:
    async def report(name: str, done: int, total: int) -> None:
        await job.report(done, total, name)

    return report


JOBS: list[JobType[Any]] = [back_up, drill_restore]
