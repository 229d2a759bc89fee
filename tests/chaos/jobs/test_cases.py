"""R3 to R7, R9 and R10 with real processes, short; `make chaos` gives them their full length, and judges times, too."""

from collections.abc import AsyncIterator

import pytest

from app.core import database as connection
from tests.chaos.jobs import crashes, crowds, failures, rollouts, ticks
from tests.chaos.jobs.stage import Stage, staged
from tests.chaos.jobs.verdicts import Verdict
from tests.faults.deployment import deployed

pytestmark = pytest.mark.timeout(400)  # a busy machine takes long to start what was killed

LEASE = 3.0


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all, because workers take long to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_client", None)
        patch.setattr(connection, "_name", "")
        async with deployed(tmp_path_factory.mktemp("jobs")) as deployment, staged(deployment, "cases", LEASE) as stage:
            yield stage


async def test_r6_each_failure_is_met_by_its_own_rule(stage: Stage) -> None:
    accept(await failures.failed(stage))


async def test_r4_who_slept_through_its_lease_keeps_nothing(stage: Stage) -> None:
    accept(await crashes.overslept(stage))


async def test_r3_a_killed_job_begins_again_and_a_long_one_is_let_be(stage: Stage) -> None:
    accept(await crashes.killed(stage, seconds=3 * LEASE))


async def test_r5_a_job_that_kills_its_process_is_given_up_and_done_when_it_is_mended(stage: Stage) -> None:
    accept(await failures.poisoned(stage))


async def test_r10_a_crowd_that_is_stuck_holds_up_nobody_else(stage: Stage) -> None:
    accept(await crowds.crowded(stage, crowd=60))


async def test_r7_each_tick_is_run_once_and_what_was_missed_is_made_up_for(stage: Stage) -> None:
    accept(await ticks.ticked(stage, seconds=6, away=2))


async def test_r9_old_workers_leave_what_they_do_not_know_to_new_ones(stage: Stage) -> None:
    accept(await rollouts.released(stage, orders=20))


def accept(verdict: Verdict) -> None:
    print(verdict.shown, *verdict.late, sep="; not ")
    assert verdict.wrong == []
