"""Secrets of the server at rest and in strangers' hands: derived keys, sealed bytes, fingerprints."""

import hmac
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.settings import settings

_NONCE = 12


@cache
def key(purpose: str, length: int = 32) -> bytes:
    """A key for one purpose, derived from the server's secret."""
    secret = settings().secret_key.get_secret_value().encode()
    return HKDF(hashes.SHA256(), length, salt=None, info=f"atrium:{purpose}".encode()).derive(secret)


def seal(purpose: str, plain: bytes) -> bytes:
    """Encrypt and authenticate; only `unseal` with the same purpose reads it."""
    return encrypted(AESGCM(key(purpose)), plain)


def unseal(purpose: str, sealed: bytes) -> bytes:
    """The plain bytes. Raises ValueError when they were altered or sealed with another secret."""
    return decrypted(AESGCM(key(purpose)), sealed)


def encrypted(cipher: AESGCM, plain: bytes, about: bytes | None = None) -> bytes:
    """A nonce and the sealed bytes, which open only together with what they are `about`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, about)


def decrypted(cipher: AESGCM, sealed: bytes, about: bytes | None = None) -> bytes:
    """The plain bytes. Raises ValueError when they were altered or sealed with another key."""
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except InvalidTag:
        raise ValueError("not sealed by this server") from None


def fingerprint(purpose: str, content: bytes) -> bytes:
    """A keyed digest: equal for equal contents, and of no use to who does not hold the secret."""
    return hmac.digest(key(purpose), content, "sha256")
