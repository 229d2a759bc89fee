"""R30, short: `make chaos` runs it for longer, with more people, and kills the database too."""

from pathlib import Path

import pytest

from tests.chaos.conversations.run import Plan, run
from tests.chaos.conversations.summary import summary

PLAN = Plan(
    seed=16,
    clients=10,
    conversations=4,
    messages=600,
    seconds=9,
    pause=1,
    servers=2,
    faults=[
        "clients reset",
        "server killed",
        "leader killed",
        "Valkey killed",
        "pub/sub killed",
        "server frozen",
        "leader frozen",
    ],
)


@pytest.mark.timeout(300)  # a busy machine takes long to start what was killed
async def test_r30_no_message_is_lost_repeated_or_out_of_order_while_everything_dies(tmp_path: Path) -> None:
    outcome = await run(PLAN, tmp_path, lambda _: None)
    print(summary(outcome))
    assert outcome.problems == []
    assert {name for name, _ in outcome.faults} == set(PLAN.faults)
    assert len(outcome.record.sent) == PLAN.messages
    assert outcome.record.interruptions
