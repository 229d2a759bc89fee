"""ID-7: nobody is who they say they are unless their provider says so, to us, now."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.core.circuits import Breaker
from app.core.outside import Outside
from app.integrations import facebook, google, linkedin, oidc
from app.integrations.oidc import Begun, Provider, Refused, Somebody
from tests.oidc import CLIENT, REDIRECT, Liar, lying


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    monkeypatch.setattr(oidc, "SERVER", Outside("oidc test", timeout=5, concurrency=4, breaker=Breaker(failures=1_000)))
    monkeypatch.setattr(oidc, "_keys", {})
    monkeypatch.setattr(oidc, "_endpoints", {})
    with lying() as liar:
        yield liar


def at(liar: Liar) -> Provider:
    return Provider("liar", liar.url)


async def signed_in(liar: Liar, provider: Provider | None = None, **changed: Any) -> Somebody:
    provider = provider or at(liar)
    begun = await oidc.begin(provider, CLIENT, REDIRECT)
    code, state = liar.authorize(begun.url)
    assert state == begun.state
    given = {"code": code, "verifier": begun.verifier, "nonce": begun.nonce, **changed}
    return await oidc.finish(provider, CLIENT, REDIRECT, **given)


async def test_somebody_signs_in(liar: Liar) -> None:
    assert await signed_in(liar) == Somebody("somebody", "ada@example.com", True, "Ada")


async def test_what_the_browser_is_sent_with(liar: Liar) -> None:
    begun = await oidc.begin(at(liar), CLIENT, REDIRECT)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT.id, REDIRECT)
    assert (asked["response_type"], asked["scope"]) == ("code", "openid email profile")
    assert (asked["state"], asked["nonce"]) == (begun.state, begun.nonce)
    assert asked["code_challenge_method"] == "S256"
    assert len(begun.verifier) >= 43
    assert begun.verifier not in begun.url
    assert CLIENT.secret not in begun.url
    assert CLIENT.secret not in repr((CLIENT, begun))
    other = await oidc.begin(at(liar), CLIENT, REDIRECT)
    assert not {begun.state, begun.nonce, begun.verifier} & {other.state, other.nonce, other.verifier}


DECLARED = [google.provider(), facebook.provider(), linkedin.provider()]
LIES: list[dict[str, Any]] = [
    {"iss": "https://accounts.google.com"},
    {"aud": "another"},
    {"aud": ["another"]},
    {"exp": 1},
    {"iat": 4_000_000_000},
    {"nbf": 4_000_000_000},
    {"exp": "soon"},
    {"nonce": "another"},
    {"azp": "another"},
    *({name: ...} for name in ("iss", "aud", "exp", "iat", "sub", "nonce")),
]


@pytest.mark.parametrize("said", LIES, ids=repr)
async def test_a_token_for_others_or_another_time_is_refused(liar: Liar, said: dict[str, Any]) -> None:
    liar.said = said
    with pytest.raises(Refused):
        await signed_in(liar)


async def test_a_token_that_the_provider_did_not_sign_is_refused(liar: Liar) -> None:
    claims = {"iss": liar.url, "aud": CLIENT.id, "sub": "x", "iat": 1, "exp": 4_000_000_000}
    other = generate_private_key(65537, 2048)
    forged = [
        jwt.encode(claims, other, "RS256", {"kid": "first"}),
        jwt.encode(claims, "", "none", {"kid": "first"}),
        jwt.encode(claims, CLIENT.secret * 3, "HS256", {"kid": "first"}),
        jwt.encode(claims, other, "RS256", {"kid": "unknown"}),
        jwt.encode(claims, other, "RS256"),
        "",
        "a.b.c",
    ]
    for token in forged:
        liar.token = token or " "
        with pytest.raises(Refused):
            await signed_in(liar)


async def test_a_code_is_of_one_sign_in_and_good_once(liar: Liar) -> None:
    with pytest.raises(Refused):
        await signed_in(liar, code="another")
    with pytest.raises(Refused):
        await signed_in(liar, verifier="another")
    begun = await oidc.begin(at(liar), CLIENT, REDIRECT)
    code, _ = liar.authorize(begun.url)
    await _finish(liar, begun, code)
    with pytest.raises(Refused):
        await _finish(liar, begun, code)


async def _finish(liar: Liar, begun: Begun, code: str) -> Somebody:
    return await oidc.finish(at(liar), CLIENT, REDIRECT, code, begun.verifier, begun.nonce)


async def test_who_calls_themselves_otherwise_is_not_asked_further(liar: Liar) -> None:
    liar.issuer = "https://accounts.google.com"
    with pytest.raises(Refused):
        await signed_in(liar)
    assert liar.asked == ["/.well-known/openid-configuration"]


async def test_what_is_published_is_asked_for_once_and_for_a_new_key_again(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await signed_in(liar)
    assert liar.asked.count("/.well-known/openid-configuration") == liar.asked.count("/keys") == 1
    liar.key, liar.kid = generate_private_key(65537, 2048), "second"
    with pytest.raises(Refused):
        await signed_in(liar)  # asked a moment ago
    monkeypatch.setattr(oidc, "PAUSE", 0.0)
    await signed_in(liar)


async def test_a_sick_provider_is_an_error_and_no_refusal(liar: Liar) -> None:
    begun = await oidc.begin(at(liar), CLIENT, REDIRECT)
    code, _ = liar.authorize(begun.url)
    liar.status = 503
    with pytest.raises(httpx2.HTTPError):
        await _finish(liar, begun, code)


@pytest.mark.parametrize(
    ("said", "verified"), [(True, True), ("true", True), (False, False), ("false", False), (..., False), (1, False)]
)
async def test_only_what_is_called_verified_is(liar: Liar, said: Any, verified: bool) -> None:
    liar.said = {"email_verified": said}
    assert (await signed_in(liar)).email_verified is verified


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.name)
async def test_each_provider_as_it_is_declared(liar: Liar, declared: Provider) -> None:
    assert declared.issuer.startswith("https://")
    assert all(place.startswith("https://") for place in vars_of(declared))
    here = replace(declared, issuer=liar.url, endpoints=liar.endpoints if declared.endpoints else None)
    liar.said = {} if declared.returns_nonce else {"nonce": ...}
    assert (await signed_in(liar, here)).subject == "somebody"


def vars_of(provider: Provider) -> list[str]:
    places = provider.endpoints
    return [places.authorization, places.token, places.keys] if places else []
