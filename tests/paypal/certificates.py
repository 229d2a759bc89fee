"""Certificates such as PayPal signs webhooks by, and who vouches for them."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME = "messageverificationcerts.paypal.com"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Holder:
    """Somebody with a certificate; `above` is whose certificates go with it."""

    key: Key
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.above))

    def sign(self, message: bytes) -> str:
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """That of every certificate here that signs webhooks: what is tested is who vouches for which."""
    return rsa.generate_private_key(65_537, 2_048)


def root(name: str) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    return Holder(key, _issued(name, key, None, name, key, ca=True))


def between(above: Holder, name: str) -> Holder:
    """Somebody whom another lets vouch for others."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _issued(name, key, above.certificate, _common(above.certificate), above.key, ca=True)
    return Holder(key, made, (made,))


def signer(above: Holder, name: str = NAME, days: int = 30) -> Holder:
    """Who may sign webhooks, from yesterday on for some days."""
    key = rsa_key()
    made = _issued(name, key, above.certificate, _common(above.certificate), above.key, ca=False, days=days)
    return Holder(key, made, above.above)


def _issued(
    name: str, key: Key, above: x509.Certificate | None, by: str, by_key: Key, *, ca: bool, days: int = 30
) -> x509.Certificate:
    issuer, start = by_key.public_key(), datetime.now(UTC) - timedelta(days=60)
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
    usages = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage)
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usages, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )
    if not ca:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return made.sign(by_key, SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _common(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
