"""Codes of authenticator apps (TOTP, RFC 6238): six digits that change every 30 seconds."""

import hmac

import pyotp
import segno
from bson import ObjectId

from app.core import changes, clock, keyring
from app.core.actor import Actor
from app.core.keyring import Sealed
from app.models import Credential

PLATFORM = Actor.platform()
STEP = 30
"""Seconds."""
DRIFT = 1
"""Steps by which the clock of a device may be wrong."""
ISSUER = "Atrium"


async def new_secret(user_id: ObjectId) -> tuple[str, Sealed]:
    """A secret of a person in base 32, and its stored form."""
    secret = pyotp.random_base32()
    return secret, await keyring.seal(keyring.person(user_id), secret)


def uri(secret: str, email: str) -> str:
    """What apps read: https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def picture(uri: str) -> str:
    """The QR code of a URI, an SVG document."""
    return str(segno.make_qr(uri).svg_inline(scale=4))


async def take(user_id: ObjectId, code: str, *, confirming: bool = False) -> bool:
    """Whether the code is the person's at this time and was not taken before: it is from now on.

    Of any number at once one is taken: the step of the newest only rises.
    """
    credential = await Credential.lookup(PLATFORM, _id=user_id)
    if credential is None or credential.totp is None or credential.totp.confirmed is confirming:
        return False
    secret = await credential.totp.sealed.text()
    if secret is None:  # their data key is gone
        return False
    made = pyotp.TOTP(secret)
    given, present = code.replace(" ", ""), int(clock.source()) // STEP
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(made.generate_otp(step).encode(), given.encode()):
            where = {"_id": user_id, "totp.sealed": credential.totp.sealed, "totp.step": {"$lt": step}}
            set = {"totp.step": step, "totp.confirmed": True}
            return await changes.change(Credential, where, {"$set": set}) is not None
    return False
