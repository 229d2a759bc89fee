from collections.abc import Mapping
from typing import Any

import structlog

from app.core import changes
from app.core.jobs import Job, JobType, Queue, Tick, schedule
from app.services.platform import archives

_log = structlog.stdlib.get_logger(__name__)


@schedule("17 * * * *", queue=Queue.SLOW, timeout=600)
async def trim_log(job: Job[Tick]) -> Mapping[str, Any]:
    """Forget what readers of the change log had LOG_DAYS to read, when it is in the archive, if there is one."""
    return {"floor": await archives.trim()}


@schedule("27 3 * * *", queue=Queue.SLOW, timeout=3600)
async def audit_log(job: Job[Tick]) -> Mapping[str, Any]:
    """Look for events that a write carried and the log does not have: a way of writing that hides them."""
    hidden = await changes.hidden()
    if hidden:
        _log.error("log.events_hidden", count=len(hidden), collections=sorted({name for name, _ in hidden}))
    return {"hidden": len(hidden)}


JOBS: list[JobType[Any]] = [trim_log, audit_log]
