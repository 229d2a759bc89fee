"""Recovery codes, for who has lost the second factor: each is good once, shown once, and kept as a fingerprint."""

import secrets

from bson import ObjectId

from app.core import changes, seals
from app.core.actor import Actor
from app.models import Credential
from app.models.identity.events import RecoveryCodesChanged

COUNT = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None that looks like another."""
_HALF = 5
"""Letters before the dash and after it: 49 bits in all, and only a few can be tried."""


async def renew(user_id: ObjectId) -> list[str]:
    """New codes, in the place of those that were left."""
    codes = [f"{_word()}-{_word()}" for _ in range(COUNT)]
    told = RecoveryCodesChanged(Actor(user_id=user_id), user=user_id, left=COUNT)
    kept = {"$set": {"recovery": [_fingerprint(user_id, code) for code in codes]}}
    await changes.change(Credential, {"_id": user_id}, kept, told)
    return codes


@changes.atomic
async def take(user_id: ObjectId, code: str) -> bool:
    """Whether the code is one of the person's that are left: it is not from now on."""
    known = _fingerprint(user_id, code)
    credential = await changes.change(Credential, {"_id": user_id, "recovery": known}, {"$pull": {"recovery": known}})
    if credential is None:
        return False
    changes.emit(RecoveryCodesChanged(Actor(user_id=user_id), user=user_id, left=len(credential.recovery)))
    return True


def _word() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_HALF))


def _fingerprint(user_id: ObjectId, code: str) -> bytes:
    letters = "".join(letter for letter in code.lower() if letter in _LETTERS)
    return seals.fingerprint("recovery", f"{user_id}:{letters}".encode())
