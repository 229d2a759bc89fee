"""Which coding a client gets, and that it gets the same answer in it."""

import zlib
from collections.abc import AsyncGenerator, Callable, Mapping

import brotli
import httpx
import pytest
from backports import zstd

from app.api.compression import CODINGS, ENOUGH, coding, compressed
from app.core.settings import Environment
from tests.api.graphql.serving import application, client

LONG = b'{"data":{"hello":"%s"}}' % (b"Hello you " * 200)
OPEN: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
    "gzip": lambda body: zlib.decompress(body, 31),
}
BROWSER = "gzip, deflate, br, zstd"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        (" gzip ; q=1.0 , br", "br"),
        (BROWSER, "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=1, br;q=0.9, zstd;q=0.8", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, br;q=0.1", "br"),
        ("gzip;q=nan", None),
        ("gzip;q=much", None),
        ("*", "zstd"),
        ("*;q=0", None),
        ("*, zstd;q=0", "br"),
        ("gzip, *;q=0", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("gzip;q=0.5, *;q=0.6", "zstd"),
        ("identity;q=0", None),
        (",,;q=1,", None),
    ],
)
def test_a_coding_is_the_one_that_the_client_likes_best(accept: str, chosen: str | None) -> None:
    assert coding(len(LONG), accept) == chosen
    body, name = compressed(LONG, accept)
    assert name == chosen
    assert (OPEN[name](body) if name else body) == LONG


@pytest.mark.parametrize("name", CODINGS)
def test_a_short_answer_is_left_as_it_is_unless_the_client_refuses_that(name: str) -> None:
    assert coding(ENOUGH - 1, name) is None
    assert coding(ENOUGH, name) == name
    assert coding(1, f"{name}, identity;q=0") == name
    assert coding(1, f"{name}, *;q=0") == name


@pytest.fixture(scope="module")
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    async with client(application(Environment.PRODUCTION)) as http:
        yield http


async def ask(http: httpx.AsyncClient, text: str, accept: str | None) -> httpx.Response:
    """The answer to `hello`, as it came."""
    query = {"query": "query($name: String!) {hello(name: $name)}", "variables": {"name": text}}
    request = http.build_request("POST", "/graphql", json=query)
    del request.headers["accept-encoding"]
    if accept is not None:
        request.headers["accept-encoding"] = accept
    return await http.send(request)


@pytest.mark.parametrize("name", CODINGS)
async def test_an_answer_is_compressed_once_and_says_so(http: httpx.AsyncClient, name: str) -> None:
    request = http.build_request("POST", "/graphql", json={"query": '{hello(name: "%s")}' % ("you " * 500)})
    request.headers["accept-encoding"] = name
    response = await http.send(request, stream=True)
    raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == name
    assert response.headers["content-length"] == str(len(raw))
    assert "Accept-Encoding" in response.headers["vary"]
    assert OPEN[name](raw) == b'{"data":{"hello":"Hello %s"}}' % (b"you " * 500)
    assert len(raw) < 200


@pytest.mark.parametrize("accept", [None, "", "identity", "deflate"])
async def test_who_asks_for_none_gets_none(http: httpx.AsyncClient, accept: str | None) -> None:
    response = await ask(http, "x" * 2_000, accept)
    assert "content-encoding" not in response.headers
    assert response.headers["content-length"] == str(len(response.content))
    assert "Accept-Encoding" in response.headers["vary"], "caches must know that others get it compressed"


async def test_the_answer_to_a_mutation_is_never_compressed(http: httpx.AsyncClient) -> None:
    query = {"query": "mutation($text: String!) {write(text: $text)}", "variables": {"text": "x" * 2_000}}
    response = await http.post("/graphql", json=query, headers={"Accept-Encoding": "gzip, identity;q=0"})
    assert response.json() == {"data": {"write": "x" * 2_000}}
    assert "content-encoding" not in response.headers


async def test_a_stream_is_never_compressed(http: httpx.AsyncClient) -> None:
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, identity;q=0"}
    response = await http.post("/graphql", json={"query": "subscription{count(to: 300)}"}, headers=headers)
    assert "content-encoding" not in response.headers
    assert response.text.count("event: next") == 300


async def test_the_refusal_of_what_cannot_run_is_left_as_it_is(http: httpx.AsyncClient) -> None:
    fields = " ".join(f"nothing{n}" for n in range(20))
    response = await http.post("/graphql", json={"query": "{" + fields + "}"}, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers
    assert len(response.json()["errors"]) == 20
