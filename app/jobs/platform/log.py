from typing import Any

from arq import cron

from app.core import changes


async def trim_log(ctx: dict[Any, Any]) -> None:
    """Forget what readers of the change log had thirty days to read. A tick that is missed is made good by the next."""
    await changes.trim()


CRONS = [cron(trim_log, minute=17, second=0)]
