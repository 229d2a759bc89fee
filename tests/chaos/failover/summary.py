"""The failover table (R20)."""

from collections.abc import Iterable

from rich.table import Table

from tests.chaos.failover.run import Round
from tests.chaos.failover.strikes import STRIKES
from tests.faults.histories import Outcome


def table(rounds: Iterable[Round]) -> Table:
    """One line a round: what was acknowledged, how long nobody was, what clients were told meanwhile."""
    shown = Table(title="Failover (R20)")
    for name in (
        "fault",
        "seed",
        "lead",
        "acknowledged",
        "stall s",
        "bound s",
        "unknown",
        "errors of the API",
        "wrong",
    ):
        shown.add_column(name, justify="left" if name in ("fault", "lead") else "right")
    for one in rounds:
        both = (one.entries, one.messages)
        unknown = sum(op.outcome is Outcome.UNKNOWN for history in both for op in history.operations)
        shown.add_row(
            one.strike,
            str(one.seed),
            f"{one.former} > {one.next}",
            f"{sum(len(history.keys(Outcome.OK)) for history in both):,}",
            f"{one.stall:.1f}",
            f"{STRIKES[one.strike].bound:g}",
            str(unknown),
            f"{len(one.refused.codes)}, {len(one.refused.final)} not retryable",
            str(len(one.problems)),
        )
    return shown


def late(rounds: Iterable[Round]) -> list[str]:
    """The rounds in which nobody was acknowledged for longer than the plan allows."""
    return [
        f"{one.strike}, seed {one.seed}: {one.stall:.1f} s without an acknowledgement"
        for one in rounds
        if one.stall > STRIKES[one.strike].bound
    ]
