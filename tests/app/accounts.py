"""One call of every root field about one's own account: signing in, what proves who one is, what one has agreed to."""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import randrange
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pyotp import TOTP

from app.core.clock import now
from app.models import Purpose
from app.services.identity import tickets
from tests.app import ways
from tests.firebase import emulated
from tests.world import PASSWORD

if TYPE_CHECKING:
    from tests.app.scenes import Scene

Arguments = dict[str, Any]


def nothing(_: "Scene") -> Arguments:
    return {}


def page(_: "Scene") -> Arguments:
    return {"first": 3}


def given(**makes: Callable[["Scene"], Any]) -> Callable[["Scene"], Arguments]:
    """The input whose fields are made of a scene."""
    return lambda scene: {"input": {name: make(scene) for name, make in makes.items()}}


def new_address(_: "Scene") -> str:
    return f"{secrets.token_hex(6)}@example.com"


CALLS: Mapping[str, Callable[["Scene"], Arguments]] = {
    "sessions": page,
    "revokeSession": given(sessionId=lambda s: s.session),
    "revokeOtherSessions": nothing,
    "waysToSignIn": nothing,
    "beginPasskey": nothing,
    "addPasskey": lambda s: {"input": s.new_passkey},
    "renamePasskey": given(passkeyId=lambda s: s.passkey, name=lambda _: "New"),
    "beginPasskeySignIn": nothing,
    "signInWithPasskey": lambda s: {"input": s.passkey_sign_in},
    "removePasskey": given(passkeyId=lambda s: s.passkey),
    "beginOAuth": lambda s: {"input": ways.beginning(s.owner)},
    "finishOAuth": lambda s: {"input": s.oauth_return},
    "signInWithFirebase": given(idToken=lambda _: emulated(email=new_address(_))),
    "linkIdentity": lambda s: {"input": s.oauth_link},
    "unlinkIdentity": given(identityId=lambda s: s.identity),
    "register": given(email=new_address, password=lambda _: PASSWORD, name=lambda _: "New"),
    "signIn": given(email=lambda s: s.nemo.email, password=lambda _: PASSWORD),
    "completeSignIn": given(
        token=lambda s: s.links[Purpose.SECOND_FACTOR],
        way=lambda _: "RECOVERY_CODE",
        secret=lambda s: s.tess.codes[0],
    ),
    "beginStepUp": nothing,
    "stepUp": given(
        token=lambda s: s.links[Purpose.STEP_UP], way=lambda _: "RECOVERY_CODE", secret=lambda s: s.tess.codes[1]
    ),
    "beginTotp": nothing,
    "confirmTotp": given(code=lambda s: TOTP(s.secret).now()),
    "removeTotp": nothing,
    "renewRecoveryCodes": nothing,
    "resetSecondFactors": given(userId=lambda s: s.tess.id, reason=lambda _: "They showed their passport."),
    "beginPhone": given(number=lambda _: f"+4915123{randrange(100_000, 1_000_000)}"),
    "confirmPhone": given(
        token=lambda s: s.links[Purpose.PHONE],
        code=lambda s: tickets.code(ObjectId(s.links[Purpose.PHONE].partition(".")[0])),
    ),
    "removePhone": nothing,
    "sendText": given(token=lambda s: s.links[Purpose.SECOND_FACTOR]),
    "verifyEmail": given(token=lambda s: s.links[Purpose.VERIFY_EMAIL]),
    "resendEmailVerification": nothing,
    "changeEmail": given(email=new_address),
    "confirmEmailChange": given(token=lambda s: s.links[Purpose.CONFIRM_EMAIL]),
    "requestPasswordReset": given(email=new_address),
    "resetPassword": given(token=lambda s: s.links[Purpose.RESET_PASSWORD], password=lambda _: PASSWORD),
    "changePassword": given(currentPassword=lambda _: PASSWORD, password=lambda _: PASSWORD),
    "refreshSession": given(refreshToken=lambda s: s.refresh_token),
    "signOut": nothing,
    "legalText": lambda _: {"kind": "TERMS", "language": "fr"},
    "legalTexts": lambda _: {"language": "fr"},
    "publishLegalText": given(
        kind=lambda _: "PRIVACY",
        wordings=lambda _: [{"language": "en", "title": "Privacy", "text": "We keep little."}],
        binding=lambda _: False,
        holdsFrom=lambda _: (now() + timedelta(days=1)).isoformat(),
    ),
    "consents": page,
    "acceptLegalText": given(textId=lambda s: s.texts["TERMS"]),
    "withdrawConsent": given(consentId=lambda s: s.consent),
}
