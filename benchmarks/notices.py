"""Webhooks of a provider of payments, kept with their job before they are answered (R52)."""

import asyncio
import hmac
import time
from itertools import count

import orjson

from benchmarks.clients import Client, post
from benchmarks.figures import Contestant, Measurement, Round, WrongAnswer
from benchmarks.processors import spent
from benchmarks.stage import STRIPE_SECRET, Stage

PER_SECOND = 50
CONNECTIONS = 16

_numbers = count()


async def prepare(stage: Stage) -> Measurement:
    """One contestant: it has no limit to stand beside."""

    async def turn(seconds: float) -> Round:
        clients = [await Client.open(stage.api_port) for _ in range(CONNECTIONS)]
        try:
            return await _tell(stage, clients, int(seconds * PER_SECOND))
        finally:
            for client in clients:
                client.close()

    await turn(0.5)
    title = f"{PER_SECOND} webhooks of Stripe a second"
    return Measurement(title, "webhooks", [Contestant("/webhooks/stripe", turn)])


async def _tell(stage: Stage, clients: list[Client], notices: int) -> Round:
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in clients:
        free.put_nowait(client)
    times: list[float] = []
    start = time.perf_counter()

    async def tell(due: float) -> None:
        """Later than due, when all connections are taken, counts as waiting."""
        client = await free.get()
        status, body = await client.ask(_notice())
        if status != 200:
            raise WrongAnswer(f"A webhook was answered with {status} {body!r}")
        times.append(time.perf_counter() - due)
        free.put_nowait(client)

    with spent(stage.pids(stage.api_pid)) as cpu:
        async with asyncio.TaskGroup() as group:
            for number in range(notices):
                due = start + number / PER_SECOND
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(tell(due))
    return Round.of(time.perf_counter() - start, times, 0, cpu)


def _notice() -> bytes:
    """An event of a kind that Atrium keeps and passes over, signed now."""
    moment, number = int(time.time()), next(_numbers)
    thing = {"id": f"file_{number}", "object": "file"}
    event = {"id": f"evt_{moment}_{number}", "type": "file.created", "created": moment, "data": {"object": thing}}
    body = orjson.dumps(event)
    code = hmac.new(STRIPE_SECRET.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    request = post("/webhooks/stripe", body)
    return request.replace(b"\r\n\r\n", f"\r\nStripe-Signature: t={moment},v1={code}\r\n\r\n".encode(), 1)
