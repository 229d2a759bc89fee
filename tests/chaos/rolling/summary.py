"""What a rolling restart was like, in a few lines."""

from tests.chaos.rolling.run import Outcomes
from tests.faults.histories import Outcome


def summary(outcomes: Outcomes) -> str:
    restarts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in outcomes.restarts)
    return (
        f"{outcomes.reads} reads, {len(outcomes.history.keys(Outcome.OK))} messages acknowledged; tried again: "
        f"{dict(outcomes.retried)}; failed all the same: {len(outcomes.failed)}; the longest time without an "
        f"acknowledgement {outcomes.history.stall():.1f} s\nrestarted: {restarts}"
    )
