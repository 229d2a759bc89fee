from collections.abc import Mapping
from typing import Any

from app.core.jobs import Job, JobType, Tick, job, schedule
from app.models.ledger.events import PayoutMoved
from app.services.ledger import payouts


@job(PayoutMoved)
async def send_payout(job: Job[PayoutMoved]) -> None:
    """Send what was asked for; of a payout that has come further there is nothing to send."""
    await payouts.dispatch(job.event.actor, job.event.payout)


@schedule("*/10 * * * *", timeout=600)
async def ask_for_payouts(job: Job[Tick]) -> Mapping[str, Any]:
    """Ask for what people are paid without asking."""
    return {"people": await payouts.run_due(job.event.at)}


JOBS: list[JobType[Any]] = [send_payout, ask_for_payouts]
