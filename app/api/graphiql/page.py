"""The HTML page of GraphiQL, under a policy that lets it reach nothing but its own origin."""

import json
import re
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.api.graphiql.assets import ROUTE_NAME, bundle
from app.api.graphiql.tabs import STARTER_TABS, Tab


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the demo data. Its password is written into the page."""

    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class PageConfig:
    """What the page offers.

    `viewer` tells who an access token stands for: a query that answers `{me: {name}, organization: {name}}`, by aliases
    where the schema names them otherwise. `tabs` are for a browser that has stored none.
    """

    accounts: tuple[Account, ...] = ()
    tabs: tuple[Tab, ...] = STARTER_TABS
    viewer: str = "{ me { name } organization { name } }"


DEFAULT = PageConfig()


def page(request: Request, config: PageConfig = DEFAULT) -> HTMLResponse:
    """GraphiQL for the endpoint that was asked for. The application must have the route of `assets`."""
    files = bundle()
    html = _HTML.format(
        style=_asset(request, files.style),
        script=_asset(request, files.script),
        # A "</script>" in the values must not end the element they stand in.
        config=json.dumps({"url": request.url.path, **asdict(config)}).replace("<", "\\u003c"),
    )
    return HTMLResponse(
        html,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": _policy(request),
            "Referrer-Policy": "same-origin",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _asset(request: Request, name: str) -> str:
    return request.url_for(ROUTE_NAME, path=name).path


def _policy(request: Request) -> str:
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "worker-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # Monaco writes its colours and positions as inline styles
        "font-src": "data:",
        "img-src": "data:",
        "connect-src": " ".join(["'self'", *_socket_origins(request)]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _socket_origins(request: Request) -> list[str]:
    """The page's origin as a WebSocket's, for browsers that do not count it as 'self'."""
    if not re.fullmatch(r"[\w.:\[\]-]+", request.url.netloc, re.ASCII):
        return []
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return [f"{scheme}://{request.url.netloc}"]


_HTML = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Atrium GraphiQL</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
%3Cpath fill='%23d6257f' d='M8 1l7 4v10h-4V8H5v7H1V5z'/%3E%3C/svg%3E">
    <link rel="stylesheet" href="{style}">
    <script type="application/json" id="config">{config}</script>
    <script type="module" src="{script}"></script>
  </head>
  <body>
    <div id="root"><noscript>GraphiQL needs JavaScript.</noscript></div>
  </body>
</html>
"""
