"""S15: of everything that looks like an access token, only what this server signed for this use is believed."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from bson import ObjectId
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core import clock, seals
from app.core.settings import settings
from app.services.identity import signing_keys, tokens
from app.services.identity.signing_keys import Key
from app.services.identity.tokens import BadToken

pytestmark = pytest.mark.usefixtures("no_keys")

OTHER = Ed25519PrivateKey.generate()


def _part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _claims(**changed: Any) -> dict[str, Any]:
    issued = int(clock.source())
    said: dict[str, Any] = {"iss": str(settings().public_url), "aud": "atrium", "sub": "1" * 24, "sid": "2" * 24}
    said |= {"org": None, "iat": issued, "exp": issued + 600, **changed}
    return {name: value for name, value in said.items() if value is not ...}


def _signed(key: Key, claims: Any, **header: Any) -> str:
    """Signed with the real key, whatever it says."""
    head = {"typ": "at+jwt", "alg": "EdDSA", "kid": key.id, **header}
    text = f"{_part({n: v for n, v in head.items() if v is not ...})}.{_part(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(key.private.sign(text.encode())).rstrip(b'=').decode()}"


def _hmac(key: Key, secret: bytes, algorithm: str = "HS256") -> str:
    """The public key, or what an earlier release signed with, taken for the secret of another algorithm."""
    text = f"{_part({'typ': 'at+jwt', 'alg': algorithm, 'kid': key.id})}.{_part(_claims())}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode().rstrip('=')}"


def _corpus(key: Key) -> dict[str, str]:
    good = _signed(key, _claims())
    head, body, signature = good.split(".")
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mine = {"typ": "at+jwt", "kid": key.id}
    far = 10**11
    corpus = {f"alg {alg}": f"{_part({**mine, 'alg': alg})}.{body}." for alg in ("none", "None", "NONE", "nOnE", "")}
    corpus |= {f"alg {alg}, with a signature": _signed(key, _claims(), alg=alg) for alg in ("none", "ES256", "HS256")}
    no_names: list[Any] = [None, 1, [], {}, ["EdDSA"], ...]
    corpus |= {f"alg {alg!r}": _signed(key, _claims(), alg=alg) for alg in no_names}
    corpus |= {
        "the public key as a secret": _hmac(key, key.public.public_bytes_raw()),
        "the public key in PEM as a secret": _hmac(key, pem),
        "an earlier release's, with a kid": _hmac(key, seals.key("access")),
        "an earlier release's": jwt.encode(_claims(), seals.key("access"), "HS256", {"typ": "at+jwt"}),
        "another key": jwt.encode(_claims(), OTHER, "EdDSA", mine),
        "another curve": jwt.encode(_claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", mine),
        "jwk of one's own": jwt.encode(_claims(), OTHER, "EdDSA", {**mine, "jwk": {"kty": "OKP"}}),
        "jku": jwt.encode(_claims(), OTHER, "EdDSA", {**mine, "jku": "https://evil.example/jwks.json"}),
        "x5u": jwt.encode(_claims(), OTHER, "EdDSA", {**mine, "x5u": "https://evil.example/x"}),
        "crit": _signed(key, _claims(), crit=["exp"]),
        "another environment": _signed(key, _claims(iss="https://staging.example/")),
        "another audience": _signed(key, _claims(aud="another")),
        "nbf in the future": _signed(key, _claims(nbf=far)),
        "expired": _signed(key, _claims(exp=int(clock.source()) - 1)),
        "truncated signature": good[:-1],
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "another body": f"{head}.{_part(_claims(sub='3' * 24))}.{signature}",
        "not JSON": _signed(key, "{"),
        "a list": _signed(key, []),
        "spaces": f" {good}",
        "a megabyte": _signed(key, _claims(more="x" * 1_000_000)),
        "a megabyte of dots": "." * 1_000_000,
        "a megabyte of header": f"{_part({**mine, 'alg': 'EdDSA', 'x': 'x' * 1_000_000})}.{body}.{signature}",
        "deep": _signed(key, "[" * 900),
        "nothing": "",
        "a refresh token": tokens.refresh(ObjectId(), 1),
        "an invitation": tokens.invitation(ObjectId()),
    }
    types: list[Any] = ["JWT", "rt+jwt", "AT+JWT", *no_names]
    corpus |= {f"typ {typ!r}": _signed(key, _claims(), typ=typ) for typ in types}
    kids = (
        "../../dev/null",
        "' OR 1=1 --",
        "https://evil.example/k",
        "0" * 24,
        "",
        key.id.upper() + " ",
        "\0",
        "x" * 999,
    )
    corpus |= {f"kid {kid!r}": _signed(key, _claims(), kid=kid) for kid in (*kids, None, 1, [key.id], {"$gt": ""}, ...)}
    for name in ("exp", "iat", "sub", "sid", "aud", "iss"):
        corpus[f"no {name}"] = _signed(key, _claims(**{name: ...}))
        corpus[f"{name} null"] = _signed(key, _claims(**{name: None}))
    for exp in (str(far), far + 0.5, 1e30, -1, True, [far], {"$gt": 0}, "soon"):
        corpus[f"exp {exp!r}"] = _signed(key, _claims(exp=exp))
    for name in ("sub", "sid", "org"):
        for value in ("x", "../..", 7, ["1" * 24], {"$ne": None}):
            corpus[f"{name} {value!r}"] = _signed(key, _claims(**{name: value}))
    return corpus


async def test_s15_nothing_of_the_corpus_is_accepted() -> None:
    key = await signing_keys.signer()
    assert (await tokens.claims(_signed(key, _claims()))).user_id == ObjectId("1" * 24)
    corpus, accepted = _corpus(key), []
    for name, token in corpus.items():
        try:
            await tokens.claims(token)
        except BadToken:
            continue
        accepted.append(name)
    assert len(corpus) > 80
    assert accepted == []
