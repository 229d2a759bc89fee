"""NTF-8 and CMP-1, short: `make chaos` sends 10,000."""

from pathlib import Path

import pytest

from tests.chaos.mail.run import Plan, run
from tests.chaos.mail.summary import summary


@pytest.mark.timeout(300)
async def test_a_campaign_reaches_each_once_while_workers_die_and_the_mail_server_has_a_bad_day(tmp_path: Path) -> None:
    outcome = await run(Plan(seed=8, emails=250, per_minute=2_400, pause=3), tmp_path, lambda _: None)
    print(summary(outcome))
    assert outcome.problems == []
    assert outcome.accepted >= 200
    assert outcome.bounced
    assert outcome.kills
    assert outcome.faults["greylisted"]
