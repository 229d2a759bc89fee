"""What API keys carry: secrets that are recognised at sight, and the short tokens that service accounts get for theirs.

    secret  atr_live_ + 43 characters (256 random bits) + 6 characters (CRC-32 of all before), in base 62
    token   atr_token_ + base64url(JSON) + . + base64url(code)

The checksum lets scanners of source code find a secret without asking anybody, and the server refuse what is none
without a look-up. A token names its key, its end and its scopes; its code follows from the secret that it was given
for, so it ends with that secret.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_letters, digits
from zlib import crc32

import orjson
from bson import ObjectId

from app.core import seals
from app.services.identity.tokens import BadToken

OURS = "atr_"
"""How both begin."""
SECRET, TOKEN = "atr_live_", "atr_token_"
HINT = len(SECRET) + 4
"""Characters of a secret that may be shown again."""
_ALPHABET = digits + ascii_letters
_RANDOM, _CHECKSUM = 43, 6
_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: the key, when it ends (seconds since the epoch), what it may. `code` is not compared yet."""

    key_id: ObjectId
    expires_at: int
    scopes: frozenset[str]
    said: str
    code: str

    def follows_from(self, hash: bytes) -> bool:
        """Whether it was made for the secret with this fingerprint."""
        return hmac.compare_digest(self.code.encode(), _code(self.said, hash).encode())


def new() -> str:
    """A secret."""
    body = SECRET + _base62(secrets.randbits(256), _RANDOM)
    return body + _checksum(body)


def fingerprint(secret: str) -> bytes:
    """How a secret is kept. Raises BadToken for what cannot be one, by its checksum."""
    body = secret[:-_CHECKSUM]
    well_formed = secret.isascii() and len(secret) == len(SECRET) + _RANDOM + _CHECKSUM and secret.startswith(SECRET)
    if not well_formed or secret[-_CHECKSUM:] != _checksum(body):
        raise BadToken("That is none of our API keys.")
    return seals.fingerprint("api keys", secret.encode())


def token(key_id: ObjectId, hash: bytes, expires_at: int, scopes: Iterable[str]) -> str:
    """A token for the secret with this fingerprint."""
    said = _base64(orjson.dumps([str(key_id), expires_at, sorted(scopes)]))
    return f"{TOKEN}{said}.{_code(said, hash)}"


def opened(token: str) -> Grant:
    """What a token says. Raises BadToken for what cannot be one."""
    said, _, code = token.removeprefix(TOKEN).partition(".")
    if len(token) > _MAX:
        raise BadToken("That token is not one of ours.")
    try:
        key_id, expires_at, scopes = orjson.loads(urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        return Grant(ObjectId(key_id), int(expires_at), frozenset(map(str, scopes)), said, code)
    except Exception:  # whatever a stranger can put into it
        raise BadToken("That token is not one of ours.") from None


def _code(said: str, hash: bytes) -> str:
    return _base64(seals.fingerprint("key tokens", hash + said.encode()))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    written = ""
    for _ in range(length):
        number, rest = divmod(number, len(_ALPHABET))
        written = _ALPHABET[rest] + written
    return written
