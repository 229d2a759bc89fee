"""What a run came to, in words."""

from tests.chaos.mail.run import Outcome, pace


def summary(outcome: Outcome) -> str:
    plan = outcome.plan
    faults = ", ".join(f"{count} {name}" for name, count in sorted(outcome.faults.items()))
    return (
        f"seed {plan.seed}: {plan.emails} e-mails, {outcome.accepted} addresses got theirs, {outcome.bounced} bounced; "
        f"{outcome.copies} came once more, with the same Message-ID; {outcome.kills} workers killed; {faults}; "
        f"{outcome.seconds:.0f} s; {outcome.average:.0f} a minute of {pace(plan):.0f} that are meant, "
        f"{outcome.fastest:.0f} in the busiest minute, with {plan.per_minute} allowed"
    )
