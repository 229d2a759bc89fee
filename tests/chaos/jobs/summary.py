"""The table of chaos runs (R1, R2)."""

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from tests.chaos.jobs.run import Plan, Result
from tests.faults.histories import Outcome

RATIO = 1.25
"""Executions for each effect, at most."""


def table(results: Iterable[Result]) -> Table:
    """One line a run: what was asked, what struck, and what became of it."""
    shown = Table(title="Durable jobs under faults (R1, R2)")
    for name in ("seed", "orders", "unknown", "jobs", "faults", "wrong", "executions per effect", "drained s", "bound"):
        shown.add_column(name, justify="left" if name == "faults" else "right")
    for one in results:
        asked, known = {op.key for op in one.history.operations}, one.history.keys(Outcome.OK)
        kinds = Counter(name for name, _ in one.faults)
        shown.add_row(
            str(one.plan.seed),
            f"{len(known):,}",
            str(len(asked - known)),
            f"{one.figures.jobs:,}",
            ", ".join(f"{count} {name}" for name, count in kinds.items()),
            str(len(one.problems)),
            f"{one.figures.ratio:.3f}",
            f"{one.drained:.1f}",
            f"{bound(one.plan):g}",
        )
    return shown


def bound(plan: Plan) -> float:
    """Seconds within which all must be done after the last fault."""
    return 60 if plan.elections else plan.lease + 20


def late(results: Iterable[Result]) -> list[str]:
    """The runs that took too long to drain, or did too much twice."""
    return [
        f"seed {one.plan.seed}: {one.figures.ratio:.3f} executions per effect, drained in {one.drained:.1f} s"
        for one in results
        if one.figures.ratio > RATIO or one.drained > bound(one.plan)
    ]
