from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from app.dev import mailbox
from app.dev.children import free_port
from app.dev.mailbox import MailBox, create_app


class Reader:
    """A running mail box: `send` to it, `get` its pages."""

    def __init__(self, smtp_port: int, client: httpx.AsyncClient) -> None:
        self.smtp_port, self.get = smtp_port, client.get

    async def send(self, to: str, subject: str, text: str = "Hello", html: str | None = None) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "atrium@example.com", to, subject
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        await aiosmtplib.send(message, hostname="127.0.0.1", port=self.smtp_port, start_tls=False)


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    port = free_port()
    app = create_app(MailBox(tmp_path / "mail"), port)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as c,
    ):
        yield Reader(port, c)


async def test_what_is_sent_is_listed_newest_first(reader: Reader) -> None:
    await reader.send("ada@example.com", "First", "Grüße, 😀")
    await reader.send("grace@example.com", "Second", html="<b>Hello</b>")
    second, first = (await reader.get("/messages")).json()
    assert (first["to"], first["subject"], first["text"].strip()) == ("ada@example.com", "First", "Grüße, 😀")
    assert second["html"].strip() == "<b>Hello</b>"
    assert (await reader.get("/messages", params={"to": "ada@example.com"})).json() == [first]
    assert "Second" in (await reader.get("/")).text


async def test_a_message_cannot_act_in_the_reader_s_browser(reader: Reader) -> None:
    await reader.send("a@example.com", "<script>alert(1)</script>", "<b>", "<script>alert(2)</script>")
    (message,) = (await reader.get("/messages")).json()
    for path in ("/", f"/messages/{message['id']}"):
        page = await reader.get(path)
        assert "<script>" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    html = await reader.get(f"/messages/{message['id']}/html")
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


async def test_other_sites_cannot_read_it_by_a_name_of_their_own(reader: Reader) -> None:
    assert (await reader.get("/messages", headers={"host": "evil.example"})).status_code == 400


async def test_what_is_absent_or_no_id_is_not_found(reader: Reader) -> None:
    for id in ("absent", "..%2F..%2Fetc%2Fpasswd", "%00"):
        assert (await reader.get(f"/messages/{id}")).status_code == 404
        assert (await reader.get(f"/messages/{id}/html")).status_code == 404


def test_the_oldest_make_room_and_the_rest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "CAPACITY", 3)
    for number in range(5):
        MailBox(tmp_path / "mail").add(f"Subject: {number}\n\n".encode())
    assert [message["subject"] for _, message in MailBox(tmp_path / "mail").all()] == ["4", "3", "2"]


def test_a_charset_that_does_not_exist_is_read_as_well_as_can_be(tmp_path: Path) -> None:
    box = MailBox(tmp_path / "mail")
    box.add(b"Subject: x\nContent-Type: text/plain; charset=klingon\n\nHello")
    ((_, message),) = box.all()
    assert mailbox._body(message, "plain") == "Hello"
