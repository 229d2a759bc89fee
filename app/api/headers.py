"""What every response of the process says to browsers, and which pages' scripts may read them."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import Settings

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class SecurityHeaders:
    """Adds to every HTTP response the headers that it does not have yet; HTTPS is asked for where `https` is."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = (*_ALWAYS, _HTTPS_ONLY) if https else _ALWAYS

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
        allow_methods=["GET", "POST"],
        allow_headers=["Atrium-After", "Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"],
        expose_headers=["X-Request-Id"],
        max_age=600,
    )
    return [Middleware(SecurityHeaders, https=settings.public_url.scheme == "https"), cors]
