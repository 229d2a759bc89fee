"""What every response tells browsers."""

import httpx
import pytest
from pydantic import AnyHttpUrl

from app.core.settings import Environment
from tests.api.graphql.serving import application, client

SPA = "https://app.example.com"


def served(public_url: str = "https://api.example.com") -> httpx.AsyncClient:
    return client(
        application(Environment.PRODUCTION, public_url=AnyHttpUrl(public_url), allowed_origins=(SPA,)),
    )


@pytest.mark.parametrize(("path", "status"), [("/graphql", 200), ("/nowhere", 404)])
async def test_every_response_has_the_security_headers(path: str, status: int) -> None:
    async with served() as http:
        response = await http.post(path, json={"query": "{hello}"})
    assert response.status_code == status
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_https_is_not_asked_for_where_there_is_none() -> None:
    async with served("http://127.0.0.1:8000") as http:
        assert "strict-transport-security" not in (await http.post("/graphql", json={"query": "{hello}"})).headers


async def preflight(origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    async with served() as http:
        return await http.options("/graphql", headers=headers)


async def test_the_pages_of_a_named_origin_may_call() -> None:
    allowed = await preflight(SPA)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, SPA)
    assert "access-control-allow-credentials" not in allowed.headers
    async with served() as http:
        response = await http.post("/graphql", json={"query": "{hello}"}, headers={"Origin": SPA})
    assert response.headers["access-control-allow-origin"] == SPA
    exposed = response.headers["access-control-expose-headers"]
    assert exposed == "X-Request-Id, RateLimit, RateLimit-Policy, Retry-After"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://evil-app.example.com", f"{SPA}.evil.example", "http://app.example.com", "null"],
)
async def test_the_pages_of_other_origins_may_not(origin: str) -> None:
    refused = await preflight(origin)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
