"""Which pages may open a socket (S9, the half of WebSockets)."""

import pytest
from websockets.exceptions import InvalidStatus

from app.api.origins import own_origin
from app.core.settings import Settings
from tests.api.sockets.clients import Served

FOREIGN = [
    "https://evil.example",
    "https://evil-spa.example.com",
    "https://spa.example.com.evil.example",
    "https://spa.example.comx",
    "https://spa.example.com:8443",
    "https://spa.example.com/",
    "https://example.com",
    "https://sub.spa.example.com",
    "http://spa.example.com",
    "https://spa.example.com, https://evil.example",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:{port}.evil.example",
    "http://user@127.0.0.1:{port}",
    "http://localhost:{port}",
    "null",
    "file://",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_s9_a_foreign_origin_gets_403(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with served.socket("ada", additional_headers={"Origin": origin.format(port=served.port)}):
            pass
    assert refusal.value.response.status_code == 403


async def test_s9_two_origins_are_refused(served: Served) -> None:
    headers = [("Origin", "https://spa.example.com"), ("Origin", "https://spa.example.com")]
    with pytest.raises(InvalidStatus) as refusal:
        async with served.socket("ada", additional_headers=headers):
            pass
    assert refusal.value.response.status_code == 400


@pytest.mark.parametrize("origin", ["https://spa.example.com", "http://127.0.0.1:{port}", "{public}", None])
async def test_s9_own_and_named_origins_and_no_browser_connect(served: Served, origin: str | None) -> None:
    public = str(Settings().public_url).rstrip("/")
    headers = {"Origin": origin.format(port=served.port, public=public)} if origin else {}
    async with served.socket("ada", additional_headers=headers) as client:
        assert (await client.run("{ me }"))[0]["payload"] == {"data": {"me": "ada"}}


async def test_s9_a_cookie_signs_nobody_in(served: Served) -> None:
    headers = {"Cookie": "authorization=Bearer ada; session=ada"}
    async with served.socket(additional_headers=headers) as client:
        [result, _] = await client.run("{ me }")
        assert result["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://atrium.example", "https://atrium.example"),
        ("https://atrium.example:443/", "https://atrium.example"),
        ("http://atrium.example:8000/base", "http://atrium.example:8000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_the_own_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert own_origin(Settings.model_validate(Settings().model_dump() | {"public_url": url})) == origin
