"""Which pages may open a socket from a browser, which sends no preflight for one: the server has to look itself."""

from starlette.requests import HTTPConnection

from app.core.settings import Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HTTP_OF = {"ws": "http", "wss": "https"}


def own_origin(settings: Settings) -> str:
    """The origin of `public_url` as browsers write it: no default port, no trailing slash."""
    url = settings.public_url
    port = "" if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def may_connect(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the page that opens this socket is ours or one that the settings name, compared whole and exactly.

    A client that names no origin is no browser. It has no more rights than its token gives: sockets read no cookie.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    served_at = f"{_HTTP_OF[connection.scope['scheme']]}://{connection.headers.get('host')}"
    return origin in {served_at, own_origin(settings), *settings.allowed_origins}
