"""The public keys of access tokens, for whoever wants to verify them without asking."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.services.identity import signing_keys

KEPT_SECONDS = 300
"""How long others may keep them; a new key is published for longer before it signs."""


async def _keys(_: Request) -> JSONResponse:
    headers = {"cache-control": f"public, max-age={KEPT_SECONDS}", "access-control-allow-origin": "*"}
    return JSONResponse({"keys": await signing_keys.published()}, headers=headers)


def routes() -> list[Route]:
    return [Route("/.well-known/jwks.json", _keys)]
