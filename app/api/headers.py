"""What every response of the process says to browsers, and which pages' scripts may read them."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import Settings

Headers = list[tuple[bytes, bytes]]

EXPOSED = ["X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After"]
"""Headers that scripts of other origins may read."""

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def security(settings: Settings) -> Headers:
    """The headers of every response; HTTPS is asked for where it is the public address."""
    return [*_ALWAYS, _HTTPS_ONLY] if settings.public_url.scheme == "https" else _ALWAYS


def readable(settings: Settings) -> dict[bytes, Headers]:
    """By origin, the headers that CORS adds to a response that its pages may read: the named ones and our own."""
    exposed = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())
    named = [origin.encode() for origin in settings.allowed_origins]
    pages = {origin: [(b"access-control-allow-origin", origin), exposed, (b"vary", b"Origin")] for origin in named}
    own = f"{settings.public_url}".rstrip("/").encode()
    return {own: [exposed], **pages}


class SecurityHeaders:
    """Adds to every HTTP response the headers that it does not have yet."""

    def __init__(self, app: ASGIApp, *, headers: Headers) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                message["headers"] = own + [header for header in self._headers if header[0] not in names]
            await send(message)

        await self._app(scope, receive, secured if scope["type"] == "http" else send)


def middleware(settings: Settings) -> list[Middleware]:
    """The middleware of the whole application: security headers, and CORS for the SPAs that the settings name.

    Tokens travel in `Authorization`, so cross-origin requests never carry credentials of the browser's own.
    """
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=[
            "Apollo-Require-Preflight",
            "Atrium-After",
            "Atrium-Cost",
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "X-Request-Id",
        ],
        expose_headers=EXPOSED,
        max_age=600,
    )
    return [Middleware(SecurityHeaders, headers=security(settings)), cors]
