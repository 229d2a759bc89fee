"""What the server hands out for GraphiQL: the page, its policy, and a bundle that needs nobody else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from graphql import parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.api.graphiql import STARTER_TABS, Account, PageConfig, Tab, assets, page
from app.api.graphiql.assets import STATIC, bundle
from app.resolvers.roots import schema

ACCOUNT = Account("Mallory", "m@example.com", "</script><script>alert(1)</script>")
BUILT = sorted(path for path in STATIC.iterdir() if path.suffix in {".js", ".css"})

# Names of XML and JSON Schema dialects, and links to read, in messages and dialogs. Nothing is fetched from these.
MENTIONED_HOSTS = {
    "code.visualstudio.com",
    "commonmark.org",
    "en.wikipedia.org",
    "github.com",
    "json-schema.org",
    "microsoft.com",
    "prettier.io",
    "react.dev",
    "www.onegraph.com",
    "www.w3.org",
    "yarnpkg.com",
}


async def graphql(request: Request) -> Response:
    return page(request, PageConfig(accounts=(ACCOUNT,), tabs=(Tab("{ me { id } }"),)))


APP = Starlette(routes=[Route("/graphql", graphql), assets()])


async def get(path: str, app: Starlette = APP, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://atrium.example") as client:
        return await client.get(path, headers=headers)


class Elements(HTMLParser):
    """The attributes of every script and link, and the text of the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.scripts: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs))
        elif tag == "link":
            self.links.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.texts.append(data)


def policy_of(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


async def test_the_policy_lets_the_page_reach_its_own_origin_only() -> None:
    policy = policy_of(await get("/graphql"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == "'self'"
    assert policy["connect-src"] == "'self' wss://atrium.example"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"


async def test_the_page_is_neither_stored_nor_sniffed_nor_told_to_others() -> None:
    response = await get("/graphql")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("host", ["a;sandbox", "a,b", "'unsafe-inline'", "a*"])
async def test_a_forged_host_adds_nothing_to_the_policy(host: str) -> None:
    policy = policy_of(await get("/graphql", host=host))
    assert policy["connect-src"] == "'self'"
    assert "sandbox" not in policy


async def test_the_configuration_cannot_end_its_element() -> None:
    elements = Elements((await get("/graphql")).text)
    assert len(elements.scripts) == 2
    assert json.loads(elements.texts[0]) == {
        "url": "/graphql",
        "accounts": [{"name": ACCOUNT.name, "email": ACCOUNT.email, "password": ACCOUNT.password}],
        "tabs": [{"query": "{ me { id } }", "variables": ""}],
        "viewer": PageConfig().viewer,
    }


@pytest.mark.parametrize("prefix", ["", "/under"])
async def test_what_the_page_starts_with_is_served_and_kept_for_good(prefix: str) -> None:
    app = Starlette(routes=[Mount("/under", routes=APP.routes)]) if prefix else APP
    elements = Elements((await get(f"{prefix}/graphql", app)).text)
    started = [elements.scripts[1]["src"], elements.links[1]["href"]]
    assert started == [f"{prefix}/graphiql/{bundle().script}", f"{prefix}/graphiql/{bundle().style}"]
    for path in started:
        response = await get(str(path), app)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "default-src 'none'"


async def test_files_without_a_hash_are_asked_for_again() -> None:
    response = await get("/graphiql/LICENSES.txt")
    assert response.headers["cache-control"] == "no-cache"
    assert (await get("/graphiql/absent.js")).status_code == 404


def test_the_bundle_names_no_origin_that_was_not_reviewed() -> None:
    named = {
        host for path in BUILT for host in re.findall(r"(?:https?|wss?)://([\w-]+(?:\.[\w-]+)+)", path.read_text())
    }
    assert named <= MENTIONED_HOSTS


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_no_built_file_loads_from_another_origin(path: Path) -> None:
    loader = r"(?:url\(|@import|\bimport\(?|\bfrom|\bfetch\(|\bimportScripts\(|\bWorker\(|\bsrc[=:])"
    assert re.findall(rf"{loader}\s*[\"'`]?(?:https?:)?//\w", path.read_text()) == []


def test_the_first_script_is_a_small_part_of_the_bundle() -> None:
    scripts = {path.name: path.stat().st_size for path in BUILT if path.suffix == ".js"}
    assert scripts[bundle().script] < 1_200_000 < sum(scripts.values()) / 3


def test_the_licences_of_what_was_bundled_are_shipped() -> None:
    text = (STATIC / "LICENSES.txt").read_text()
    for package in ("graphiql", "graphql", "graphql-ws", "monaco-editor", "react", "react-dom"):
        assert re.search(rf"^{package} \d+\.\d+\.\d+ \(", text, re.MULTILINE), package


def test_the_starter_tabs_are_graphql_with_variables_in_json() -> None:
    for tab in STARTER_TABS:
        parse(tab.query)
        assert not tab.variables or json.loads(tab.variables)


@pytest.mark.parametrize("text", [*(tab.query for tab in STARTER_TABS), PageConfig().viewer])
def test_what_the_page_asks_fits_the_schema(text: str) -> None:
    assert validate(schema._schema, parse(text)) == []
