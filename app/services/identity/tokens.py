"""The tokens people carry: a short access token that says who they are, and a refresh token that gets the next one."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from bson import ObjectId

from app.core import changes, clock, seals
from app.core.errors import Unauthenticated
from app.core.settings import settings

ALGORITHM = "HS256"
AUDIENCE = "atrium"


class BadToken(Unauthenticated):
    """Not a token of this server, or one whose time is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; `expires_at` in seconds since the epoch."""

    user_id: ObjectId
    session_id: ObjectId
    organization_id: ObjectId | None
    expires_at: float


def access(user_id: ObjectId, session_id: ObjectId, organization_id: ObjectId | None) -> tuple[str, datetime]:
    """An access token and the moment it ends. One made in a rehearsal has ended already: its session will not exist."""
    issued = int(clock.source())
    expires = issued + (0 if changes.rehearsing() else settings().access_token_seconds)
    claims = {
        "iss": str(settings().public_url),
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "org": str(organization_id) if organization_id else None,
        "iat": issued,
        "exp": expires,
    }
    return jwt.encode(claims, seals.key("access"), ALGORITHM, {"typ": "at+jwt"}), datetime.fromtimestamp(expires, UTC)


def claims(token: str) -> Claims:
    """What a token says. Raises BadToken."""
    try:
        kind = jwt.get_unverified_header(token).get("typ")
        found = jwt.decode(
            token,
            seals.key("access"),
            [ALGORITHM],
            {"require": ["exp", "iat", "sub", "sid", "aud", "iss"], "verify_exp": False, "verify_iat": False},
            audience=AUDIENCE,
            issuer=str(settings().public_url),
        )
        organization = found.get("org")
        read = Claims(
            ObjectId(found["sub"]),
            ObjectId(found["sid"]),
            ObjectId(organization) if organization else None,
            found["exp"],
        )
    except Exception:  # whatever a stranger can put into a token
        raise BadToken("That token is not one of ours.") from None
    if kind != "at+jwt" or type(read.expires_at) is not int:
        raise BadToken("That token is not an access token.")
    if read.expires_at <= clock.source():
        raise BadToken("The token has expired.")
    return read


def refresh(session_id: ObjectId, generation: int) -> str:
    """The refresh token of one generation of a session: its name and a code that only this server can make."""
    name = f"{session_id}.{generation}"
    purpose = "rehearsal" if changes.rehearsing() else "refresh"  # a dry run must not give away the next one
    return f"{name}.{_code(purpose, name)}"


def refreshed(token: str) -> tuple[ObjectId, int]:
    """The session and generation in a refresh token. Raises BadToken."""
    session, generation = _opened("refresh", token, 2)
    return ObjectId(session), int(generation)


def invitation(id: ObjectId) -> str:
    """The token in an invitation's e-mail."""
    return f"{id}.{_code('invitation', str(id))}"


def invited(token: str) -> ObjectId:
    """The invitation in such a token. Raises BadToken."""
    return ObjectId(_opened("invitation", token, 1)[0])


def session_end() -> timedelta:
    return timedelta(days=settings().refresh_token_days)


def _code(purpose: str, name: str) -> str:
    return urlsafe_b64encode(seals.fingerprint(purpose, name.encode())).rstrip(b"=").decode()


def _opened(purpose: str, token: str, parts: int) -> list[str]:
    *named, code = token.split(".")
    if len(named) != parts or not hmac.compare_digest(code.encode(), _code(purpose, ".".join(named)).encode()):
        raise BadToken("That token is not one of ours.")
    return named
