"""The tokens people carry: a short access token that says who they are, and a refresh token that gets the next one."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from bson import ObjectId

from app.core import changes, clock, seals
from app.core.actor import UNPROVEN, Proof
from app.core.errors import Unauthenticated
from app.core.settings import settings
from app.services.identity import signing_keys
from app.services.identity.signing_keys import ALGORITHM

AUDIENCE = "atrium"
LONGEST = 2_000
"""Characters; what is longer is none of ours, and is not looked into."""


class BadToken(Unauthenticated):
    """Not a token of this server, or one whose time is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; `expires_at` in seconds since the epoch."""

    user_id: ObjectId
    session_id: ObjectId
    organization_id: ObjectId | None
    expires_at: float
    proof: Proof = UNPROVEN


async def access(
    user_id: ObjectId,
    session_id: ObjectId,
    organization_id: ObjectId | None,
    proof: Proof,
    *,
    behind_id: ObjectId | None = None,
) -> tuple[str, datetime]:
    """An access token and the moment it ends. One made in a rehearsal has ended already: its session will not exist.

    It says who acts as the person, if somebody does, as RFC 8693 has it.
    """
    issued = int(clock.source())
    seconds = settings().impersonation_seconds if behind_id else settings().access_token_seconds
    expires = issued + (0 if changes.rehearsing() else seconds)
    claims = {
        "iss": str(settings().public_url),
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "org": str(organization_id) if organization_id else None,
        "acr": str(proof.level),
        "auth_time": int(proof.at.timestamp()),
        "iat": issued,
        "exp": expires,
        **({"act": {"sub": str(behind_id)}} if behind_id else {}),
    }
    key = await signing_keys.signer()
    token = jwt.encode(claims, key.private, ALGORITHM, {"typ": "at+jwt", "kid": key.id})
    return token, datetime.fromtimestamp(expires, UTC)


async def claims(token: str) -> Claims:
    """What a token says. Raises BadToken."""
    key = await signing_keys.believed(_kid(token))  # by its name only: no token says where keys are, or of what kind
    if key is None:
        raise BadToken("That token is not one of ours.")
    try:
        found = jwt.decode(
            token,
            key.public,
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
            Proof(int(found["acr"]), clock.at(found["auth_time"])) if "acr" in found else UNPROVEN,
        )
    except Exception:  # whatever a stranger can put into a token
        raise BadToken("That token is not one of ours.") from None
    if type(read.expires_at) is not int:
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


def ticket(purpose: str, id: ObjectId) -> str:
    """The token of a ticket."""
    return f"{id}.{_code(f'ticket:{purpose}', str(id))}"


def ticketed(purpose: str, token: str) -> ObjectId:
    """The ticket in such a token. Raises BadToken."""
    return ObjectId(_opened(f"ticket:{purpose}", token, 1)[0])


def file(id: ObjectId, until: int) -> str:
    """The token of a link to a file, good until a moment in seconds since the epoch."""
    return _link("file", id, until)


def filed(token: str) -> ObjectId:
    """The file in such a token. Raises BadToken."""
    return _linked("file", token)


def invoice(id: ObjectId, until: int) -> str:
    """The token of a link to the PDF of an invoice, good until a moment in seconds since the epoch."""
    return _link("invoice", id, until)


def invoiced(token: str) -> ObjectId:
    """The PDF in such a token. Raises BadToken."""
    return _linked("invoice", token)


def _link(purpose: str, id: ObjectId, until: int) -> str:
    name = f"{id}.{until}"
    return f"{name}.{_code(purpose, name)}"


def _linked(purpose: str, token: str) -> ObjectId:
    id, until = _opened(purpose, token, 2)
    if int(until) <= clock.source():
        raise BadToken("The token has expired.")
    return ObjectId(id)


def _kid(token: str) -> str:
    """The name of the key that is said to have signed an access token. Raises BadToken."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= LONGEST else {}
    except Exception:  # whatever a stranger can put into a token
        header = {}
    kid = header.get("kid")
    if header.get("typ") != "at+jwt" or not isinstance(kid, str):
        raise BadToken("That token is not an access token.")
    return kid


def session_end() -> timedelta:
    return timedelta(days=settings().refresh_token_days)


def _code(purpose: str, name: str) -> str:
    return urlsafe_b64encode(seals.fingerprint(purpose, name.encode())).rstrip(b"=").decode()


def _opened(purpose: str, token: str, parts: int) -> list[str]:
    *named, code = token.split(".")
    if len(named) != parts or not hmac.compare_digest(code.encode(), _code(purpose, ".".join(named)).encode()):
        raise BadToken("That token is not one of ours.")
    return named
