"""What comes back from e-mails: that somebody wants no more of them (RFC 8058), and what providers tell of them."""

from base64 import b64decode
from contextlib import suppress
from functools import partial
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app.api.body import read
from app.api.rejections import Rejected
from app.core.words import Words, language, languages, negotiated, said, words
from app.integrations.resend import BadSignature
from app.services.notifications import reports, tracking, unsubscribing
from app.services.notifications.links import BadLink
from app.services.notifications.unsubscribing import Way

MAX_BYTES = 65_536
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF, one by one."""
_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 32rem; margin: 15vh auto; padding: 0 1rem }} button {{ font: inherit; padding: .6rem 1rem }}</style>
</head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
}


def routes() -> list[Route]:
    """What is below `/unsubscribe` shows a button, and a POST is that button, or a mail program's.

    Links and pictures of e-mails to who has agreed to it lead through `/mail`; `/webhooks/resend` is Resend's.
    """
    return [
        *(
            Route(f"/{path}/{{token}}", partial(_unsubscribe, way), methods=["GET", "POST"])
            for path, way in unsubscribing.WAYS.items()
        ),
        Route(f"/{tracking.OPENED}/{{token}}", _opened, methods=["GET"]),
        Route(f"/{tracking.CLICKED}/{{token}}", _clicked, methods=["GET"]),
        Route("/webhooks/resend", _resend, methods=["POST"]),
    ]


async def _unsubscribe(way: Way, request: Request) -> Response:
    token = request.path_params["token"]
    language.set(negotiated(request.headers.get("accept-language", "")))
    try:
        if request.method == "POST":
            await way.follow(token)
            return _page(words("You get no more of these e-mails."))
        about = await way.about(token)
    except BadLink:
        return _page(words("This link is not one of ours."), status=404)
    button = said(words("No more e-mails like this"))
    form = f'<form method="post"><button>{escape(button)}</button></form>'
    return _page(about, form)


def _page(text: Words, form: str = "", status: int = 200) -> HTMLResponse:
    known = languages()[language.get()]
    direction = "rtl" if known.right_to_left else "ltr"
    shown = {"title": "Atrium", "text": escape(said(text)), "form": form}
    return HTMLResponse(_PAGE.format(language=known.code, direction=direction, **shown), status, _HEADERS)


async def _opened(request: Request) -> Response:
    with suppress(BadLink):
        await tracking.opened(request.path_params["token"])
    return Response(_PIXEL, media_type="image/gif", headers=_HEADERS)


async def _clicked(request: Request) -> Response:
    try:
        return RedirectResponse(await tracking.clicked(request.path_params["token"]), 302, _HEADERS)
    except BadLink:
        return _page(words("This link is not one of ours."), status=404)


async def _resend(request: Request) -> Response:
    try:
        await reports.of_resend(await read(request, MAX_BYTES), request.headers)
    except Rejected as error:
        return PlainTextResponse(error.message, error.status, error.headers)
    except BadSignature:
        return PlainTextResponse("The signature is not Resend's.", 401)
    return Response(status_code=204)
