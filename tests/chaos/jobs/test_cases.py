"""R3 to R7 and R9, short, with real processes; `make chaos` runs them at their full length."""

from collections.abc import AsyncIterator

import pytest

from app.core import database as connection
from tests.chaos.jobs import crashes, failures, mishaps, rollouts, ticks
from tests.chaos.jobs.stage import Stage, staged
from tests.faults.deployment import Deployment, deployed

pytestmark = pytest.mark.timeout(400)  # a busy machine takes long to start what was killed

LEASE = 1.5


@pytest.fixture(scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("jobs")) as deployment:
        yield deployment


@pytest.fixture
async def stage(
    deployment: Deployment, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr(connection, "_client", None)
    monkeypatch.setattr(connection, "_name", "")
    async with staged(deployment, request.node.name.split("_")[1], LEASE) as stage:
        yield stage


async def test_r3_a_killed_job_begins_again_and_a_long_one_is_let_be(stage: Stage) -> None:
    crash = await crashes.killed(stage, seconds=4 * LEASE)
    print(crash)
    assert (crash.executions, crash.effects) == (2, 1)
    assert crash.again_after < LEASE + 30


async def test_r4_who_slept_through_its_lease_keeps_nothing(stage: Stage) -> None:
    crash = await crashes.overslept(stage)
    print(crash)
    assert (crash.executions, crash.effects) == (2, 1)


async def test_r5_a_job_that_kills_its_process_is_given_up_and_done_when_it_is_mended(stage: Stage) -> None:
    poison = await failures.poisoned(stage)
    print(f"others waited {poison.p95:.2f} s (p95), {poison.delays[-1]:.2f} s at most")
    assert (poison.executions, poison.dead, poison.effects) == (mishaps.ATTEMPTS, 1, 1)
    assert "process ended" in poison.error
    assert len(poison.delays) >= 20


async def test_r6_each_failure_is_met_by_its_own_rule(stage: Stage) -> None:
    failed = await failures.failed(stage)
    print(failed)
    assert failed.executions == {"fail": 4, "refuse": 1, "hang": 2}
    assert set(failed.states.values()) == {"dead"}
    for number, pause in enumerate(failed.pauses):
        assert 0 <= pause <= mishaps.BASE * 2**number * 1.1 + 5


async def test_r7_each_tick_is_run_once_and_what_was_missed_is_made_up_for(stage: Stage) -> None:
    ran = await ticks.ticked(stage, seconds=8, away=3, seed=7)
    print(ran)
    assert set(ran.runs.values()) == {1}
    assert ran.made_up == {"every": ran.missed, "newest": 1, "present": 0}


async def test_r9_old_workers_leave_what_they_do_not_know_to_new_ones(stage: Stage) -> None:
    rollout = await rollouts.released(stage, orders=20)
    print(f"run {rollout.run_after:.2f} s after the new worker's start")
    assert (rollout.touched, rollout.wrong) == (0, 0)
    assert len(rollout.effects) == 42
    assert set(rollout.effects.values()) == set(rollout.executions.values()) == {1}
    assert rollout.run_after < 30
