"""Hypothesis' state machines over a real database. Their rules are no coroutines: they get a loop and a connection."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from beanie import init_beanie
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from app.core import database
from app.models import DOCUMENTS

_loop: asyncio.AbstractEventLoop


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What it answers, or raises; for the rules of a machine that is checked."""
    return _loop.run_until_complete(work)


def check(machine: type[RuleBasedStateMachine], uri: str, *, examples: int, steps: int) -> None:
    """Let so many examples of a machine take so many steps, on the tests' database at this server."""
    global _loop
    _loop = asyncio.new_event_loop()
    database.connect(uri, os.environ["MONGODB_DATABASE"])
    run(_indexed())
    try:
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        )
        run_state_machine_as_test(machine, settings=chosen)
    finally:
        run(database.close())
        _loop.close()


async def _indexed() -> None:
    await init_beanie(database.database(), document_models=DOCUMENTS)
