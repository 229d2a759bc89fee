"""What a run was like, in a few lines."""

from collections import Counter
from collections.abc import Mapping

from tests.chaos.conversations.run import Outcome


def summary(outcome: Outcome) -> str:
    """The faults, what became of messages, what interrupted listeners, and how long deliveries took."""
    record = outcome.record
    delays = sorted(record.delays)
    acknowledged = sum(sent.id is not None for sent in record.sent.values())
    lines = [
        f"{len(outcome.faults)} faults:",
        *(f"  {count} {name}: {struck}" for (name, struck), count in sorted(Counter(outcome.faults).items())),
        f"{len(record.sent)} messages, {acknowledged} acknowledged; answers: {_counts(record.answers)}",
        f"{len(delays)} deliveries; interruptions: {_counts(record.interruptions)}",
    ]
    if delays:
        p50, p99 = (delays[int(len(delays) * share)] for share in (0.5, 0.99))
        lines.append(
            f"From sending to hearing, faults included: p50 {p50:.3f} s, p99 {p99:.3f} s, at most {delays[-1]:.3f} s; "
            f"all caught up {outcome.caught_up:.1f} s after the last fault"
        )
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
