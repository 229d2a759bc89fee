"""S9, the half over HTTP: nothing that a foreign page can make a browser send runs an operation.

A page may send, without asking first, a GET or a POST of a form, of multipart or of plain text, and the browser adds
its cookies.
"""

from collections.abc import AsyncGenerator

import httpx
import pytest

from app.core.settings import Environment
from tests.api.graphql import schema
from tests.api.graphql.serving import application, client

BROWSER = {
    "Origin": "https://evil.example",
    "Cookie": "session=ada; Authorization=Bearer ada",
    "Sec-Fetch-Site": "cross-site",
}
WRITE = '{"query": "mutation{write}"}'


@pytest.fixture(params=[Environment.PRODUCTION, Environment.DEV])
async def http(request: pytest.FixtureRequest) -> AsyncGenerator[httpx.AsyncClient]:
    async with client(application(request.param), **BROWSER) as http:
        yield http


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain; application/json",
        "text/plain;charset=application/json",
        "application/x-www-form-urlencoded, application/json",
        "",
    ],
)
async def test_s9_a_simple_post_runs_nothing(http: httpx.AsyncClient, content_type: str) -> None:
    before = schema.counts["write begun"]
    response = await http.post("/graphql", content=WRITE, headers={"Content-Type": content_type})
    assert response.status_code == 415
    assert schema.counts["write begun"] == before


async def test_s9_forms_and_uploads_run_nothing(http: httpx.AsyncClient) -> None:
    before = schema.counts["write begun"]
    fields = {"query": "mutation{write}", "operations": WRITE, "map": "{}"}
    assert (await http.post("/graphql", data=fields)).status_code == 415
    assert (await http.post("/graphql", data=fields, files={"0": b"file"})).status_code == 415
    assert schema.counts["write begun"] == before


async def test_s9_a_mutation_by_get_runs_nothing(http: httpx.AsyncClient) -> None:
    before = schema.counts["write begun"]
    response = await http.get("/graphql", params={"query": "mutation{write}"})
    assert response.status_code == 405
    assert schema.counts["write begun"] == before


async def test_s9_the_query_string_of_a_post_is_not_read(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", params={"query": "{hello}"}, json={})
    assert response.status_code == 400


async def test_s9_a_cookie_signs_nobody_in(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "{whoami}"})
    assert response.json() == {"data": {"whoami": "anonymous"}}
    assert "set-cookie" not in response.headers


async def test_s9_a_token_in_the_address_signs_nobody_in(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql?authorization=Bearer+ada&access_token=ada", json={"query": "{whoami}"})
    assert response.json() == {"data": {"whoami": "anonymous"}}


async def test_s9_the_answer_cannot_be_read_by_a_foreign_page(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "{hello}"})
    assert "access-control-allow-origin" not in response.headers


async def test_s9_a_query_by_get_with_cookies_runs_in_development_only() -> None:
    async with client(application(Environment.PRODUCTION), **BROWSER) as http:
        response = await http.get("/graphql", params={"query": "{hello}"})
    assert (response.status_code, "data" in response.json()) == (405, False)
