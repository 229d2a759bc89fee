"""What became of a crowd, in a few lines."""

from tests.chaos.crowd.run import Outcome


def summary(outcome: Outcome) -> str:
    p99 = outcome.delays[int(len(outcome.delays) * 0.99)] if outcome.delays else 0.0
    return (
        f"churn: {outcome.before} became {outcome.churned}; {outcome.subscriptions:+.1f} MB for 5,000 subscriptions, "
        f"{outcome.sockets:+.1f} MB for 5,000 sockets\n"
        f"crowd of {len(outcome.delays)}: {outcome.kilobytes:.1f} KB each, idle {outcome.idle:.1%} of a core; "
        f"all heard one message, p99 {p99:.2f} s; {outcome.delivery:.1f} µs a delivery; "
        f"all back {outcome.back:.1f} s after a restart\n"
        f"requests of others, p95: {outcome.quiet * 1000:.0f} ms when it was quiet, {outcome.burst * 1000:.0f} ms in "
        f"bursts, {outcome.herd * 1000:.0f} ms while all came back"
    )
