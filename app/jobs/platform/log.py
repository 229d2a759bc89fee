from typing import Any

import structlog
from arq import cron

from app.core import changes

_log = structlog.stdlib.get_logger(__name__)


async def trim_log(ctx: dict[Any, Any]) -> None:
    """Forget what readers of the change log had thirty days to read. A tick that is missed is made good by the next."""
    await changes.trim()


async def audit_log(ctx: dict[Any, Any]) -> None:
    """Look for events that a write carried and the log does not have: a way of writing that hides them."""
    if hidden := await changes.hidden():
        _log.error("log.events_hidden", count=len(hidden), collections=sorted({name for name, _ in hidden}))


CRONS = [cron(trim_log, minute=17, second=0), cron(audit_log, hour=3, minute=27, second=0)]
