"""Authenticators (WebAuthn, level 2): what people's devices are asked, and what their answers are worth."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Invalid
from app.core.settings import settings
from app.models import Passkey, User

PLATFORM = Actor.platform()
ANSWER = 20_000
"""Characters of an answer."""

_REQUIRED = UserVerificationRequirement.REQUIRED
_log = structlog.stdlib.get_logger(__name__)


class BadPasskey(Invalid):
    """The browser's answer proves nothing: why, is not told."""

    code = "BAD_PASSKEY"


def registration(user: User, known: Sequence[Passkey]) -> tuple[bytes, str]:
    """A challenge to make a passkey, none of those that are known, and the options of it for the browser, as JSON."""
    options = generate_registration_options(
        rp_id=_domain(),
        rp_name="Atrium",
        user_id=user.id.binary,
        user_name=user.email,
        user_display_name=user.name,
        exclude_credentials=_named(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_REQUIRED
        ),
    )
    return options.challenge, options_to_json(options)


def question(allowed: Sequence[Passkey] = ()) -> tuple[bytes, str]:
    """A challenge to use a passkey, one of these if any are named, and the options of it for the browser, as JSON."""
    options = generate_authentication_options(
        rp_id=_domain(), user_verification=_REQUIRED, allow_credentials=_named(allowed) or None
    )
    return options.challenge, options_to_json(options)


def made(answer: str, challenge: bytes) -> VerifiedRegistration:
    """What a device has made for a challenge. Raises BadPasskey."""
    try:
        return verify_registration_response(credential=answer, **_expected(challenge))
    except Exception as error:  # whatever a stranger can put into it
        raise refusal(error) from None


async def used(answer: str, challenge: bytes) -> Passkey:
    """The passkey that has signed a challenge, which is counted. Raises BadPasskey, whatever is wrong with it."""
    passkey, handle = await _claimed(answer)
    signed = _signed(answer, challenge, passkey)
    if handle is not None and handle != passkey.user_id.binary:
        raise refusal()
    unused = {"_id": passkey.id, "sign_count": passkey.sign_count}  # else another answer was counted meanwhile
    counted = {"$set": {"sign_count": signed.new_sign_count, "used_at": now()}}
    if not await changes.change(Passkey, unused, counted):
        raise refusal()
    return passkey


def refusal(error: Exception | None = None) -> BadPasskey:
    """The refusal; the log says why, without what was sent."""
    why = str(error) if isinstance(error, WebAuthnException) else type(error).__name__
    _log.info("passkeys.refused", error=why)
    return BadPasskey("This passkey is not valid here.", path=["input", "credential"])


def _named(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(one.credential_id) for one in passkeys]


def _domain() -> str:
    return settings().passkey_domain or urlsplit(str(settings().public_url)).hostname or ""


def _signed(answer: str, challenge: bytes, passkey: Passkey) -> VerifiedAuthentication:
    try:
        return verify_authentication_response(
            credential=answer,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            **_expected(challenge),
        )
    except Exception as error:
        raise refusal(error) from None


def _expected(challenge: bytes) -> dict[str, Any]:
    return {
        "expected_challenge": challenge,
        "expected_rp_id": _domain(),
        "expected_origin": list(settings().origins),
        "require_user_verification": True,
    }


async def _claimed(answer: str) -> tuple[Passkey, bytes | None]:
    """The passkey that an answer says it is of, and the person it says it is of. Raises BadPasskey."""
    try:
        parsed = parse_authentication_credential_json(answer)
        id, handle = base64url_to_bytes(parsed.id), parsed.response.user_handle
    except Exception as error:
        raise refusal(error) from None
    passkey = await Passkey.lookup(PLATFORM, credential_id=id)
    if passkey is None:
        raise refusal()
    return passkey, handle
