"""The range API of breached passwords, spoken to a server of the test's own."""

import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import breaches
from app.services.identity import passwords
from app.services.identity.passwords import BreachedPassword
from tests.integrations.serving import serving

KNOWN = "a phrase that leaked somewhere"


@dataclass
class Breaches:
    """Knows one password, and pads its answers with others that count nought; `asked` is what it was asked."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200

    async def range(self, request: Request) -> Response:
        prefix = request.path_params["prefix"]
        self.asked.append((prefix, request.headers.get("add-padding", "")))
        digest = hashlib.sha1(KNOWN.encode(), usedforsecurity=False).hexdigest().upper()
        lines = [f"{secrets.token_hex(18)[:35].upper()}:0" for _ in range(800)]
        padded = hashlib.sha1(b"only padding, never seen", usedforsecurity=False).hexdigest().upper()
        lines += [f"{one[5:]}:{count}" for one, count in ((digest, 37), (padded, 0)) if one.startswith(prefix)]
        return PlainTextResponse("\r\n".join(sorted(lines)), self.status)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Breaches]:
    known = Breaches()
    monkeypatch.setattr(breaches, "SERVER", Outside("breaches of a test", timeout=3, concurrency=16))
    async with serving(Starlette(routes=[Route("/range/{prefix}", known.range)])) as url:
        monkeypatch.setenv("BREACHES_URL", f"{url}/range/")
        settings.cache_clear()
        yield known
    monkeypatch.undo()
    settings.cache_clear()


async def test_a_password_of_a_breach_is_known_by_five_digits_of_its_digest(server: Breaches) -> None:
    assert await breaches.known(KNOWN)
    digest = hashlib.sha1(KNOWN.encode(), usedforsecurity=False).hexdigest().upper()
    assert server.asked == [(digest[:5], "true")]


@pytest.mark.parametrize("password", ["some other phrase", "only padding, never seen"])
async def test_what_is_not_there_and_what_only_pads_is_not_known(server: Breaches, password: str) -> None:
    assert not await breaches.known(password)


async def test_a_breached_password_is_refused(server: Breaches) -> None:
    with pytest.raises(BreachedPassword):
        await passwords.chosen(KNOWN, "Ada", "ada@example.com")
    assert await passwords.chosen("some other phrase", "Ada", "ada@example.com")


async def test_one_that_fails_or_is_not_there_keeps_nobody_out(
    server: Breaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    assert not await breaches.known(KNOWN)
    monkeypatch.setenv("BREACHES_URL", "http://127.0.0.1:9/range/")
    settings.cache_clear()
    assert not await breaches.known(KNOWN)


async def test_nobody_is_asked_unless_one_is_named() -> None:
    assert settings().breaches_url is None
    assert not await breaches.known(KNOWN)
