"""What became of a crowd, in a few lines."""

from tests.chaos.crowd.run import Outcome


def summary(outcome: Outcome) -> str:
    p99 = outcome.delays[int(len(outcome.delays) * 0.99)] if outcome.delays else 0.0
    return (
        f"churn: {outcome.before} became {outcome.churned}\n"
        f"crowd of {len(outcome.delays)}: {outcome.kilobytes:.0f} KB each, idle {outcome.idle:.0%} of a core; "
        f"all heard one message, p99 {p99:.2f} s; all back {outcome.back:.1f} s after a restart"
    )
