"""What caches are told of answers that may be kept, and when a client is told that it has the answer already."""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import strawberry
from starlette.applications import Starlette

from app.api.credentials import Authenticate, Credentials
from app.api.documents import Documents
from app.api.graphql import GraphQLEndpoint
from app.core import clock
from app.core.answers import Answers, Hint, Scope, anywhere
from app.core.changes import Event, Hub, telling
from app.core.settings import Environment
from app.core.words import language
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.audiences import anyone, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from tests.api.graphql import serving
from tests.api.graphql.serving import ADA, client, configured
from tests.api.graphql.serving import signed_in as authenticate

TTL = 60


@dataclass(frozen=True, kw_only=True)
class NewsMade(Event):
    pass


calls: list[str] = []


@strawberry.type
class Query:
    @query(str, anyone(), cache=Hint(TTL, tags=anywhere(NewsMade)))
    def news(self, info: Info) -> str:
        """For everybody."""
        calls.append("news")
        return f"number {len(calls)} " + "and so on " * 200

    @query(str, signed_in(), cache=Hint(TTL, tags=anywhere(NewsMade)))
    def internal(self, info: Info) -> str:
        """For everybody who is signed in."""
        calls.append("internal")
        return "internal"

    @query(str, anyone(), cache=Hint(TTL, Scope.PRIVATE))
    def mine(self, info: Info) -> str:
        """For one."""
        calls.append("mine")
        return str(info.context.actor.user_id)

    @query(str | None, anyone(), cache=Hint(TTL))
    def broken(self, info: Info) -> str | None:
        """For nobody."""
        calls.append("broken")
        raise RuntimeError("on purpose")

    @query(str, anyone(), cache=Hint(TTL))
    def spoken(self, info: Info) -> str:
        """In the language of who asks."""
        calls.append("spoken")
        return language.get()

    @query(str, anyone())
    def fleeting(self, info: Info) -> str:
        """For the moment."""
        return "now"


schema = strawberry.Schema(Query)


def application(
    environment: Environment = Environment.PRODUCTION, authenticate: Authenticate = authenticate, **changes: Any
) -> Starlette:
    chosen = configured(environment, **{"graphql_get": True, **changes})
    hub, answers = Hub(), Answers(1_000_000)
    hub.current_at = time.monotonic() + 3600
    answers.watch(hub)
    engine = Engine(schema, Limits.of(chosen), introspection=False, suggestions=False)
    endpoint = GraphQLEndpoint(Documents(engine, chosen), chosen, authenticate, answers=answers)
    app = serving.either_way(endpoint, chosen)
    app.state.answers = answers
    return app


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    calls.clear()
    app = application()
    async with client(app) as http:
        yield http
    await app.state.answers.close()


def signed(**headers: str) -> dict[str, str]:
    return {"Authorization": "Bearer ada", **headers}


async def get(http: httpx.AsyncClient, text: str, **headers: str) -> httpx.Response:
    return await http.get("/graphql", params={"query": text}, headers=headers)


async def test_who_speaks_another_language_is_not_given_what_is_kept(http: httpx.AsyncClient) -> None:
    for _ in range(2):
        for tongue in ("en", "fr", "ar"):
            answer = await get(http, "{spoken}", **{"Accept-Language": tongue})
            assert answer.json() == {"data": {"spoken": tongue}}
            assert "Accept-Language" in answer.headers["vary"]
    assert calls == ["spoken"] * 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{news}", "public, max-age=60"),
        ("{internal}", "private, max-age=60"),
        ("{mine}", "private, max-age=60"),
        ("{news mine}", "private, max-age=60"),
        ("{fleeting}", "no-store"),
        ("{news fleeting}", "no-store"),
        ("{news broken}", "no-store"),
        ("{nothing}", "no-store"),
        ("{__typename}", "no-store"),
    ],
)
async def test_caches_are_told_what_they_may_keep(http: httpx.AsyncClient, text: str, told: str) -> None:
    for response in (
        await http.post("/graphql", json={"query": text}, headers=signed()),
        await get(http, text, **signed()),
    ):
        assert response.headers["cache-control"] == told
        assert ("etag" in response.headers) is (response.request.method == "GET" and told != "no-store")


async def test_whom_the_audience_refuses_is_refused_though_there_is_an_answer(http: httpx.AsyncClient) -> None:
    assert (await get(http, "{internal}", **signed())).json() == {"data": {"internal": "internal"}}
    refused = await get(http, "{internal}")
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert refused.headers["cache-control"] == "no-store"
    assert calls == ["internal"]


async def test_a_token_that_is_none_gets_nothing_that_is_kept(http: httpx.AsyncClient) -> None:
    assert (await get(http, "{news}")).status_code == 200
    assert (await get(http, "{news}", Authorization="Bearer eve")).status_code == 401


async def test_who_was_let_in_is_answered_though_the_sign_in_ends_then_and_that_is_not_kept() -> None:
    async def ending(authorization: str | None) -> Credentials:
        credentials = await authenticate(authorization)
        credentials.ended.set()  # as when a role was changed, or a session ended, between the two
        return credentials

    calls.clear()
    app = application(authenticate=ending)
    async with client(app) as http:
        for _ in range(2):
            assert (await get(http, "{internal}", **signed())).json() == {"data": {"internal": "internal"}}
    assert calls == ["internal"] * 2
    await app.state.answers.close()


async def test_a_kept_answer_says_how_old_it_is(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.time()
    monkeypatch.setattr(clock, "source", lambda: begun)
    first = await get(http, "{news}")
    monkeypatch.setattr(clock, "source", lambda: begun + 42)
    second = await get(http, "{news}")
    assert first.content == second.content
    assert (first.headers["age"], second.headers["age"]) == ("0", "42")
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


async def test_get_and_post_share_an_answer(http: httpx.AsyncClient) -> None:
    first = await get(http, "{news}")
    assert (await http.post("/graphql", json={"query": "{news}"})).content == first.content
    assert calls == ["news"]


async def test_a_client_that_has_the_answer_is_told_so(http: httpx.AsyncClient) -> None:
    first = await get(http, "{news}")
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await get(http, "{news}", **{"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b""), sent
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "public, max-age=60")
        assert "Accept-Encoding" in again.headers["vary"]
        assert "content-type" not in again.headers
    assert (await get(http, "{news}", **{"If-None-Match": '"other"'})).status_code == 200
    assert calls == ["news"]


async def test_a_client_that_has_an_old_answer_gets_the_new_one(http: httpx.AsyncClient) -> None:
    tag = (await get(http, "{news}")).headers["etag"]
    telling.note([NewsMade(ADA)])
    again = await get(http, "{news}", **{"If-None-Match": tag})
    assert again.status_code == 200
    assert again.json()["data"]["news"].startswith("number 2")
    assert again.headers["etag"] != tag


async def test_each_coding_has_a_tag_of_its_own(http: httpx.AsyncClient) -> None:
    plain, packed = [await get(http, "{news}", **{"Accept-Encoding": one}) for one in ("identity", "gzip")]
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    headers = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    assert (await get(http, "{news}", **headers)).status_code == 304
    headers["Accept-Encoding"] = "identity"
    assert (await get(http, "{news}", **headers)).status_code == 200
    assert calls == ["news"]


async def test_if_none_match_means_nothing_to_a_post(http: httpx.AsyncClient) -> None:
    headers = {"If-None-Match": "*"}
    assert (await http.post("/graphql", json={"query": "{news}"}, headers=headers)).status_code == 200


async def test_an_answer_with_errors_is_computed_each_time(http: httpx.AsyncClient) -> None:
    for _ in range(2):
        response = await get(http, "{broken}", **{"If-None-Match": "*"})
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (200, "INTERNAL")
    assert calls == ["broken"] * 2


async def test_without_a_cache_the_policy_holds_all_the_same() -> None:
    calls.clear()
    app = application()
    await app.state.answers.close()
    async with client(app) as http:
        responses = [await get(http, "{mine}", **signed()) for _ in range(2)]
    assert [one.headers["cache-control"] for one in responses] == ["private, max-age=60"] * 2
    assert "age" not in responses[1].headers
    assert calls == ["mine"] * 2


async def test_get_is_closed_unless_the_settings_open_it() -> None:
    async with client(application(graphql_get=False)) as http:
        assert (await get(http, "{news}")).status_code == 405


async def test_an_open_get_answers_no_page_and_no_stranger(http: httpx.AsyncClient) -> None:
    assert (await get(http, "{news}", Accept="text/html")).status_code == 406
    foreign = {"Origin": "https://evil.example", "Cookie": "Authorization=Bearer ada"}
    response = await get(http, "{mine}", **foreign)
    assert response.json() == {"data": {"mine": "None"}}
    assert "access-control-allow-origin" not in response.headers
