"""OAuth 2.0 for service accounts: their id and secret get short access tokens.

Sources: RFC 6749, 2.3.1, 3.2, 4.4 and 5 (the client credentials grant); RFC 8414 (metadata).
"""

from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

import structlog
from pymongo.errors import PyMongoError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.api.body import read
from app.api.rejections import Rejected
from app.core.errors import Unauthenticated
from app.core.settings import Settings
from app.services.identity import keys

TOKEN, METADATA = "/oauth/token", "/.well-known/oauth-authorization-server"
GRANT = "client_credentials"
MAX_BYTES, MAX_FIELDS = 8_192, 20
_FORM = "application/x-www-form-urlencoded"
_UNSTORED = {"cache-control": "no-store", "pragma": "no-cache"}

_log = structlog.get_logger(__name__)


class _Refusal(Exception):
    """An error of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.told, self.status = {"error": error, "error_description": description}, status


def routes(settings: Settings) -> list[BaseRoute]:
    """The token endpoint, and what clients may know of it."""
    base = f"{settings.public_url}".rstrip("/")
    told = {
        "issuer": base,
        "token_endpoint": base + TOKEN,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
    }

    async def metadata(_: Request) -> Response:
        return JSONResponse(told)

    return [Route(TOKEN, _token, methods=["POST"]), Route(METADATA, metadata)]


async def _token(request: Request) -> Response:
    authorization = request.headers.get("authorization")
    try:
        granted = await _granted(authorization, await _form(request))
    except _Refusal as refusal:
        headers = dict(_UNSTORED)
        if refusal.status == 401 and authorization is not None:
            headers["www-authenticate"] = 'Basic realm="Atrium"'
        return JSONResponse(refusal.told, refusal.status, headers)
    except ClientDisconnect:
        return Response(status_code=499)
    told = {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.seconds}
    return JSONResponse({**told, "scope": " ".join(granted.scopes)}, headers=_UNSTORED)


async def _granted(authorization: str | None, form: Mapping[str, str]) -> keys.Granted:
    if (kind := form.get("grant_type")) != GRANT:
        raise _Refusal("unsupported_grant_type" if kind else "invalid_request", f"The only grant_type is {GRANT}.")
    client_id, secret = _client(authorization, form)
    try:
        return await keys.grant(client_id, secret, form["scope"].split() if "scope" in form else None)
    except Unauthenticated:
        raise _Refusal("invalid_client", "There is no such service account with such a secret.", 401) from None
    except keys.NotInScope as error:
        raise _Refusal("invalid_scope", error.message) from None
    except PyMongoError as error:
        _log.warning("oauth.unavailable", error=type(error).__name__)
        raise _Refusal("temporarily_unavailable", "Something this needs is down; try again.", 503) from None


async def _form(request: Request) -> dict[str, str]:
    """The parameters in the body; one without a value counts as left out. Raises _Refusal."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _Refusal("invalid_request", f"Send the parameters as {_FORM}.")
    try:
        fields = parse_qsl((await read(request, MAX_BYTES)).decode(), max_num_fields=MAX_FIELDS)
    except (Rejected, ValueError):
        raise _Refusal("invalid_request", "The body is too long, or no form.") from None
    form = dict(fields)
    if len(form) < len(fields):
        raise _Refusal("invalid_request", "The body has the same parameter twice.")
    return form


def _client(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """The client's id and secret, from the `Authorization` header or the body. Raises _Refusal."""
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise _Refusal("invalid_client", "Send client_id and client_secret, or Basic authentication.", 401)
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise _Refusal("invalid_request", "Authenticate once: by the header or in the body.")
    scheme, _, encoded = authorization.partition(" ")
    try:
        id, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _Refusal("invalid_client", "Only Basic authentication is understood here.", 401)
    return unquote_plus(id), unquote_plus(secret)
