import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from app.api import health
from app.api.health import Health


async def fine() -> None:
    """A server that answers."""


async def broken() -> None:
    raise ConnectionError("mongodb://user:hunter2@db")


async def stuck() -> None:
    await asyncio.Event().wait()


async def ask(state: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=Starlette(routes=health.routes(state)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


async def test_readiness_shows_each_dependency_apart() -> None:
    state = Health({"mongodb": broken, "redis": fine})
    state.started = True
    response = await ask(state, "/readyz")
    assert response.status_code == 503
    body = response.json()
    assert body["status"] == "failing"
    assert body["checks"]["redis"]["ok"]
    assert body["checks"]["mongodb"] | {"ms": 0} == {"ok": False, "ms": 0, "error": "ConnectionError"}
    assert "hunter2" not in response.text
    assert response.headers["cache-control"] == "no-store"


async def test_a_dependency_that_hangs_does_not_hang_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    state = Health({"mongodb": stuck, "redis": fine})
    state.started = True
    body = (await asyncio.wait_for(ask(state, "/readyz"), 10)).json()
    assert (body["checks"]["mongodb"]["error"], body["checks"]["redis"]["ok"]) == ("TimeoutError", True)


async def test_nor_does_one_that_heeds_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    answered = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await answered.wait()

    state = Health({"mongodb": deaf, "redis": fine})
    body = (await asyncio.wait_for(ask(state, "/readyz"), 10)).json()
    assert (body["checks"]["mongodb"]["error"], body["checks"]["redis"]["ok"]) == ("TimeoutError", True)
    answered.set()


async def test_the_three_questions_over_a_life() -> None:
    state = Health({"redis": fine})

    async def answers() -> list[int]:
        return [(await ask(state, path)).status_code for path in ("/livez", "/startupz", "/readyz")]

    assert await answers() == [200, 503, 503]
    state.started = True
    assert await answers() == [200, 200, 200]
    state.draining = True
    assert await answers() == [200, 200, 503]
    assert (await ask(state, "/readyz")).json()["status"] == "draining"


async def test_they_only_read() -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=health.routes(Health({}))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert [(await client.post(path)).status_code for path in ("/livez", "/startupz", "/readyz")] == [405] * 3
