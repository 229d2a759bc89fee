"""What the worker runs."""

import pytest

from app.core import signals
from app.core.jobs import runner
from app.dev.children import free_port
from app.jobs import roots
from tests.factories.identity import make_user
from tests.jobs.working import Worker as Loops


async def test_without_redis_a_hint_costs_nothing_and_jobs_are_done(idle: Loops) -> None:
    """JOB-2: Redis is down from the beginning, and everything that follows from a registration happens."""
    await signals.close()
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    idle.start()
    user = await make_user("Ada")
    await idle.settled()
    assert [m["Subject"] for m in idle.office.to(user.email)] == ["Welcome to Atrium"]


async def test_runners_beside_the_consumer_need_neither_hint_nor_poll(
    idle: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL", 600.0)
    await signals.close()
    idle.start()
    user = await make_user("Ada")
    await idle.settled()
    assert [m["Subject"] for m in idle.office.to(user.email)] == ["Welcome to Atrium"]


def test_every_job_has_a_name_of_its_own() -> None:
    names = [kind.type for kind in roots.JOBS]
    assert len(set(names)) == len(names)
