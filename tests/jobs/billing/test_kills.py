"""R53: the process that takes a webhook in is killed after it was kept and before the provider knows."""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from app.core import database
from app.dev.children import free_port
from app.models import PaymentState
from tests.jobs.billing.shop import PATIENCE
from tests.jobs.billing.stage import Stage
from tests.processes import Program, environment
from tests.stripe.state import Thing
from tests.world import until

DOOR = """
import asyncio, sys, uvicorn
from starlette.applications import Starlette
from app.api import payments
from app.core import database
from app.core.settings import settings
from app.migrations.runner import init_documents

async def app(scope, receive, send):
    async def hold(message):
        await asyncio.sleep(3600)
    await door(scope, receive, hold if scope["method"] == "POST" else send)

async def main():
    database.connect(settings().mongodb_uri, sys.argv[1])
    await init_documents()
    await uvicorn.Server(uvicorn.Config(app, port=int(sys.argv[2]), log_config=None, lifespan="off")).serve()

door = Starlette(routes=payments.routes())
asyncio.run(main())
"""
"""A process whose answers do not leave it."""


async def test_r53_what_was_kept_before_the_answer_was_cut_off_has_one_effect(stage: Stage, tmp_path: Path) -> None:
    payment = await stage.checkout(stage.customer())
    intent = stage.pay(payment)
    events = stage.held()
    [event] = [one for one in events if one["type"] == "payment_intent.succeeded"]
    await _told_and_killed(stage, event, tmp_path)
    paid = await stage.reaches(payment, PaymentState.SUCCEEDED)
    assert paid.provider_ref == intent["id"]
    assert [await stage.receive(event) for _ in range(2)] == [False, False], "Stripe tells again, and it is not new"
    await stage.deliver(events)
    await stage.worker.settled()
    await stage.check()
    assert await _kept(event) == 1


async def _told_and_killed(stage: Stage, event: Thing, directory: Path) -> None:
    """Tell a process of an event, and kill it when that is stored and not answered."""
    port, name = free_port(), database.collection("payments").database.name
    command = [sys.executable, "-c", DOOR, name, str(port)]
    known = {one: os.environ[one] for one in ("MONGODB_URI", "REDIS_URL")}
    body, headers = stage.vendor.letter(event)
    with Program(command, environment(**known), directory / "door", port) as program:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            url = f"http://127.0.0.1:{port}/webhooks/stripe"
            await until(lambda: _listens(http, url), PATIENCE)
            asked = asyncio.ensure_future(http.post(url, content=body, headers=headers))
            await until(lambda: _kept(event), PATIENCE)
            program.process.kill()
            with pytest.raises(httpx.TransportError):
                await asked


async def _kept(event: Thing) -> int:
    return await database.collection("provider_events").count_documents({"event_ref": event["id"]})


async def _listens(http: httpx.AsyncClient, url: str) -> bool:
    try:
        await http.get(url)
    except httpx.TransportError:
        return False
    return True
