"""R63: what strangers' servers do to those who send to them."""

import asyncio
import ssl
from pathlib import Path

import psutil
import pytest

from app.core.destinations import Destinations, Unreached
from app.core.outside import Outside
from app.integrations import egress
from app.integrations.egress import MAX_BYTES, Answer, Egress
from tests.nameserver import name_server
from tests.strangers import BOMB, FINE, HOSTILE, certificate, listening

LOCAL = ["127.0.0.0/8"]
MB = 1024 * 1024


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Egress:
    outside = Outside("egress of a test", timeout=0.5, concurrency=20, sick=())
    monkeypatch.setattr(egress, "SERVER", outside)
    return Egress(Destinations(LOCAL))


async def asked(client: Egress, url: str) -> Answer | Unreached:
    try:
        return await client.post(url, b"{}", {"Content-Type": "application/json"})
    except Unreached as error:
        return error


async def test_no_server_holds_us_up_or_fills_our_memory(client: Egress) -> None:
    process = psutil.Process()
    async with listening(FINE) as port:
        await asked(client, f"http://127.0.0.1:{port}/")
    before = process.memory_info().rss
    for name, behaviour in HOSTILE.items():
        async with listening(behaviour) as port:
            answer = await asked(client, f"http://127.0.0.1:{port}/")
        if name == "10 GB":
            assert isinstance(answer, Answer)
            assert len(answer.body) == MAX_BYTES
        else:
            assert isinstance(answer, Unreached), name
    assert process.memory_info().rss - before < 10 * MB


async def test_nothing_is_decompressed_and_no_redirect_is_followed(client: Egress) -> None:
    async with listening(BOMB) as port:
        answer = await asked(client, f"http://127.0.0.1:{port}/")
    assert isinstance(answer, Answer)
    assert answer.body[:2] == b"\x1f\x8b"
    arrived: list[str] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append("here")

    async with listening(elsewhere) as other:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            place = f"http://127.0.0.1:{other}/"
            writer.write(f"HTTP/1.1 307 Go\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

        async with listening(redirect) as port:
            answer = await asked(client, f"http://127.0.0.1:{port}/")
    assert isinstance(answer, Answer)
    assert (answer.status, arrived) == (307, [])


async def test_the_environment_has_no_say(client: Egress, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with listening(FINE) as port:
        answer = await asked(client, f"http://127.0.0.1:{port}/")
    assert isinstance(answer, Answer)
    assert answer.body == b"ok"


async def test_who_is_spoken_to_is_who_was_named(client: Egress, tmp_path: Path) -> None:
    """The address is the checked one; certificate and Host are those of the name."""
    shown, trust = certificate("hooks.example", tmp_path)
    named: list[str] = []
    shown.sni_callback = lambda _, name, __: named.append(name)
    async with name_server({"hooks.example": [("A", "127.0.0.1")], "other.example": [("A", "127.0.0.1")]}) as names:
        destinations = Destinations(LOCAL, names.resolver())
        async with listening(FINE, shown) as port:
            answer = await asked(Egress(destinations, trust), f"https://hooks.example:{port}/a?b=c")
            impostor = await asked(Egress(destinations, trust), f"https://other.example:{port}/")
            unknown = await asked(Egress(destinations, ssl.create_default_context()), f"https://hooks.example:{port}/")
    assert isinstance(answer, Answer), answer
    assert named[0] == "hooks.example"
    assert isinstance(impostor, Unreached)
    assert isinstance(unknown, Unreached)
