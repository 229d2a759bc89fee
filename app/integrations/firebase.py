"""ID tokens of Firebase Authentication (https://firebase.google.com/docs/auth/admin/verify-id-tokens)."""

import asyncio
import os
from functools import cache
from typing import Any

from app.core import clock
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations.oidc import Refused, Somebody, somebody

LEEWAY = 10
"""Seconds by which clocks may differ."""
EMULATOR = "FIREBASE_AUTH_EMULATOR_HOST"

SERVER = Outside("firebase", timeout=10, concurrency=4, refusals=(Refused,))


async def signed_in(token: str) -> Somebody:
    """Who a token is of. Raises Refused, Away, and errors of the network: certificates are fetched, and kept."""
    async with SERVER.call():
        claims = await asyncio.to_thread(_verified, token)
    return somebody(claims)


def _verified(token: str) -> dict[str, Any]:
    from firebase_admin import auth  # large, and of use only where there is a project
    from firebase_admin.auth import CertificateFetchError

    if EMULATOR in os.environ and not settings().open:
        raise Refused(f"{EMULATOR} is set: with it unsigned tokens are believed, which is for development only")
    try:
        claims: dict[str, Any] = auth.verify_id_token(token, _app(), clock_skew_seconds=LEEWAY)
    except CertificateFetchError:
        raise
    except Exception as error:  # whatever a stranger can put into a token: it must not look like Firebase's failure
        raise Refused(f"firebase: {error}"[:200]) from None
    if claims["exp"] + LEEWAY <= clock.source():  # beside the emulator nobody looks at that
        raise Refused("firebase: the token has expired")
    return claims


@cache
def _app() -> Any:
    """The project; to verify tokens needs no credentials of its own."""
    import firebase_admin
    from firebase_admin import credentials
    from google.auth.credentials import AnonymousCredentials

    class Nobody(credentials.Base):  # type: ignore[misc]
        def get_credential(self) -> AnonymousCredentials:
            return AnonymousCredentials()  # type: ignore[no-untyped-call]

    return firebase_admin.initialize_app(Nobody(), {"projectId": settings().firebase_project_id}, name="atrium")
