"""A mail box for development: takes every e-mail over SMTP, delivers none, and shows them in the browser.

`python -m app.dev.mailbox DIRECTORY SMTP_PORT WEB_PORT` serves both on 127.0.0.1 until it is stopped.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from mailbox import Maildir
from pathlib import Path
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

CAPACITY = 500
"""Messages kept; the oldest make room."""
MAX_MESSAGE_BYTES = 10 * 1024 * 1024

_CSP = {"content-security-policy": "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'"}
# What a sender wrote is shown without scripts, without network, and with an origin of its own.
_MESSAGE_CSP = {"content-security-policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"}
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { width: 100%; border-collapse: collapse }
td, th { padding: .5rem; text-align: left; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent) }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
iframe { width: 100%; height: 70vh; border: 1px solid gray; background: #fff }
"""


class MailBox:
    """The messages in a directory, newest first; each is known by its file's name."""

    def __init__(self, directory: Path) -> None:
        self._files = Maildir(directory, create=True)

    def add(self, content: bytes) -> None:
        self._files.add(content)
        for id in self._ids()[CAPACITY:]:
            self._files.discard(id)

    def get(self, id: str) -> EmailMessage | None:
        content = self._files.get_bytes(id) if id in self._files else None
        return None if content is None else message_from_bytes(content, policy=policy.default)

    def all(self) -> list[tuple[str, EmailMessage]]:
        return [(id, message) for id in self._ids() if (message := self.get(id))]

    def _ids(self) -> list[str]:
        """A Maildir's names begin with numbers: second, microsecond, process, count."""
        return sorted(self._files.keys(), key=lambda id: [int(n) for n in re.findall(r"\d+", id)[:4]], reverse=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd for each message."""
        self.add(envelope.original_content or b"")
        return "250 Kept"


def create_app(box: MailBox, smtp_port: int) -> Starlette:
    """The pages, and the SMTP server beside them.

    `/messages` is for tests: newest first, `{id, from, to, subject, date, text, html}` each; `?to=` keeps one address.
    """

    async def index(_: Request) -> Response:
        rows = "".join(
            f"<tr><td><a href='/messages/{escape(id)}'>{escape(str(m['subject'] or '(no subject)'))}</a></td>"
            f"<td>{escape(str(m['to'] or ''))}</td><td>{escape(str(m['date'] or ''))}</td></tr>"
            for id, m in box.all()
        )
        table = f"<table><tr><th>Subject</th><th>To</th><th>Date</th></tr>{rows}</table>" if rows else ""
        return _page("Mail box", table or "<p>No message yet.</p>", refresh=True)

    async def messages(request: Request) -> Response:
        to = request.query_params.get("to")
        found = [_as_json(id, message) for id, message in box.all()]
        return JSONResponse([m for m in found if to is None or to in m["to"]])

    async def view(request: Request) -> Response:
        id = request.path_params["id"]
        if (message := box.get(id)) is None:
            return _page("No such message", "<p><a href='/'>All messages</a></p>", status=404)
        shown = _as_json(id, message)
        names = ("from", "to", "subject", "date")
        head = "".join(f"<tr><th>{name.title()}</th><td>{escape(shown[name])}</td></tr>" for name in names)
        frame = f"<iframe sandbox src='/messages/{escape(id)}/html' title='Message'></iframe>" if shown["html"] else ""
        body = f"<p><a href='/'>All messages</a></p><table>{head}</table>{frame}<pre>{escape(shown['text'])}</pre>"
        return _page(shown["subject"], body)

    async def html(request: Request) -> Response:
        message = box.get(request.path_params["id"])
        return HTMLResponse(_body(message, "html"), headers=_MESSAGE_CSP) if message else Response(status_code=404)

    async def style(_: Request) -> Response:
        return Response(_STYLE, media_type="text/css")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        def smtp() -> SMTP:
            return SMTP(box, data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, ident="Atrium mail box")

        async with await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", smtp_port):
            yield

    return Starlette(
        routes=[
            Route("/", index),
            Route("/style.css", style),
            Route("/messages", messages),
            Route("/messages/{id}", view),
            Route("/messages/{id}/html", html),
        ],
        # Without it a page of any site could read the mail, by a name of its own that resolves to 127.0.0.1.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        lifespan=lifespan,
    )


def _as_json(id: str, message: EmailMessage) -> dict[str, Any]:
    headers = {name: str(message[name] or "") for name in ("from", "to", "subject", "date")}
    return {"id": id, **headers, "text": _body(message, "plain"), "html": _body(message, "html")}


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # a charset that Python does not know
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


def _page(title: str, body: str, status: int = 200, *, refresh: bool = False) -> HTMLResponse:
    again = "<meta http-equiv='refresh' content='5'>" if refresh else ""
    head = f"<meta charset='utf-8'><title>{escape(title)}</title><link rel='stylesheet' href='/style.css'>{again}"
    page = f"<!doctype html><html lang='en'><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>"
    return HTMLResponse(page, status, _CSP)


def main(directory: str, smtp_port: str, web_port: str) -> None:
    app = create_app(MailBox(Path(directory)), int(smtp_port))
    uvicorn.run(app, host="127.0.0.1", port=int(web_port), log_level="warning", ws="none")


if __name__ == "__main__":
    main(*sys.argv[1:])
