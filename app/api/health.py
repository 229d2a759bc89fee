"""What an orchestrator asks a process: does it live, has it started, should it be sent requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pymongo
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[object]]
"""Raises when what it looks at cannot be used."""


class Health:
    """What this process knows of itself. `checks` are run anew for every question about readiness."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self.checks = checks
        self.started = False
        """Whether the start-up is done."""
        self.draining = False
        """Whether the process is about to stop, and wants no new requests."""

    async def report(self) -> dict[str, dict[str, Any]]:
        """Each check's result: `{ok, ms}`, with `error`, the kind of it, when it failed."""
        results = await asyncio.gather(*(_result(check) for check in self.checks.values()))
        return dict(zip(self.checks, results, strict=True))


def routes(health: Health) -> list[Route]:
    """`/livez` answers 200 for as long as the process turns; `/startupz` and `/readyz` answer 200 or 503."""

    async def live(_: Request) -> JSONResponse:
        return _answer(200, {"status": "alive"})

    async def startup(_: Request) -> JSONResponse:
        return _answer(200, {"status": "started"}) if health.started else _answer(503, {"status": "starting"})

    async def ready(_: Request) -> JSONResponse:
        checks = await health.report()
        if health.draining:
            status = "draining"
        elif not health.started:
            status = "starting"
        else:
            status = "ready" if all(check["ok"] for check in checks.values()) else "failing"
        return _answer(200 if status == "ready" else 503, {"status": status, "checks": checks})

    return [Route("/livez", live), Route("/startupz", startup), Route("/readyz", ready)]


async def _result(check: Check) -> dict[str, Any]:
    start, error = time.perf_counter(), ""
    asked = asyncio.create_task(_ask(check))
    asked.add_done_callback(lambda one: one.cancelled() or one.exception())  # it may end after it was given up
    try:
        await asyncio.wait({asked}, timeout=CHECK_SECONDS)  # who asks has their answer, though a check heeds no timeout
        if not asked.done() or asked.cancelled():
            error = TimeoutError.__name__
        elif failure := asked.exception():
            error = type(failure).__name__
    finally:
        asked.cancel()
    ms = round((time.perf_counter() - start) * 1000, 1)
    return {"ok": not error, "ms": ms, **({"error": error} if error else {})}


async def _ask(check: Check) -> None:
    with pymongo.timeout(CHECK_SECONDS):
        await check()


def _answer(status: int, body: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(body, status, {"cache-control": "no-store"})
