"""The certificates by which PayPal signs webhooks: where they may come from, and who vouches for them.

Source: https://developer.paypal.com/api/rest/webhooks/rest
"""

import re
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from warnings import catch_warnings, simplefilter

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from app.core import clock
from app.core.settings import settings
from app.integrations.payments import BadSignature, NotVerified

NAMES = ("messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com")
"""To whom PayPal's certificates for webhooks are made out."""
MAX_BYTES = 64 * 1024
KEPT = 16
"""Certificates that are remembered: PayPal has one or two at a time."""
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")

_known: dict[str, list[x509.Certificate]] = {}


def known(url: str) -> RSAPublicKey | None:
    """The key of a certificate that is remembered; None for one that is to be fetched, which is at PayPal's.

    Raises BadSignature.
    """
    prefix = str(settings().paypal_certificates_url)
    if not url.startswith(prefix) or not _NAME.fullmatch(url.removeprefix(prefix)):
        raise BadSignature("its certificate is not at PayPal's")
    chain = _known.get(url)
    return _key(chain) if chain else None


def keep(url: str, pem: bytes) -> RSAPublicKey:
    """The key of a certificate that was fetched, and is remembered if it is good. Raises BadSignature, NotVerified."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise NotVerified("what came is no certificate") from None
    key = _key(chain)
    while len(_known) >= KEPT:
        del _known[next(iter(_known))]
    _known[url] = chain
    return key


def _key(chain: list[x509.Certificate]) -> RSAPublicKey:
    _check(chain, clock.now())
    public = chain[0].public_key()
    if not isinstance(public, RSAPublicKey):
        raise BadSignature("its certificate is not for RSA")
    return public


def _check(chain: list[x509.Certificate], at: datetime) -> None:
    """Raises BadSignature unless somebody who is trusted vouches for the first, as PayPal's, at this moment."""
    path = settings().paypal_certificate_roots
    policy = PolicyBuilder().store(_roots(path or Path(certifi.where()))).time(at)
    for name in NAMES:
        try:
            policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], chain[1:])
        except VerificationError:
            continue
        return
    raise BadSignature("nobody vouches for its certificate as PayPal's")


@cache
def _roots(path: Path) -> Store:
    """Those in a file, but for such as are not well formed: some roots are so old."""
    found = list[x509.Certificate]()
    for pem in _PEM.findall(path.read_bytes()):
        with suppress(ValueError, CryptographyDeprecationWarning), catch_warnings():
            simplefilter("error", CryptographyDeprecationWarning)
            found.append(x509.load_pem_x509_certificate(pem))
    return Store(found)
