"""Signing in at somebody else's, by OpenID Connect's code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

A vendor is a `Provider`: data, in a file of its own.
"""

import hmac
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from app.core.outside import Outside

ALGORITHMS = ["RS256", "ES256"]
LEEWAY = 60
"""Seconds by which clocks may differ."""
KEPT = 3600.0
"""Seconds for which what a provider publishes is known."""
PAUSE = 60.0
"""Seconds after which keys are asked for again because of one that is not known."""


class Refused(Exception):
    """The provider, or what it says, does not bear out that somebody signed in there for us just now."""


SERVER = Outside("oidc", timeout=10, concurrency=16, refusals=(Refused,))


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked."""

    authorization: str
    token: str
    keys: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who can say who people are."""

    name: str
    issuer: str
    scope: str = "openid email profile"
    returns_nonce: bool = True
    endpoints: Endpoints | None = None
    """Named here where the provider's own document (OpenID Connect Discovery 1.0) does not name them."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to a provider."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send a browser, and what to remember until it comes back."""

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who has signed in: `subject` names them for ever, and at this provider only."""

    subject: str
    email: str | None
    email_verified: bool
    name: str | None


_endpoints: dict[str, tuple[Endpoints, float]] = {}
_keys: dict[str, tuple[jwt.PyJWKSet, float]] = {}


async def begin(provider: Provider, client: Client, redirect_uri: str) -> Begun:
    """Raises Away, and errors of the network."""
    state, verifier, nonce = (generate_token(48) for _ in range(3))
    async with SERVER.call(provider.name), _session(provider, client, redirect_uri) as session:
        place = (await _found(provider, session)).authorization
        url, _ = session.create_authorization_url(place, state=state, code_verifier=verifier, nonce=nonce)
    return Begun(url, state, verifier, nonce)


async def finish(
    provider: Provider, client: Client, redirect_uri: str, code: str, verifier: str, nonce: str
) -> Somebody:
    """Exchange the code that the browser brought back. Raises Refused, Away, and errors of the network."""
    async with SERVER.call(provider.name), _session(provider, client, redirect_uri) as session:
        endpoints = await _found(provider, session)
        try:
            told = await session.fetch_token(
                endpoints.token, grant_type="authorization_code", code=code, code_verifier=verifier
            )
        except OAuthError as error:
            raise Refused(f"{provider.name}: {error.error}") from None
        claims = await _claims(provider, client, endpoints, session, told.get("id_token"))
    if provider.returns_nonce and not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise Refused(f"{provider.name}: the token answers another question")
    if claims.get("azp", client.id) != client.id:
        raise Refused(f"{provider.name}: the token is for another client")
    return somebody(claims)


def somebody(claims: dict[str, Any]) -> Somebody:
    """Who verified claims speak of."""
    email, name, said = claims.get("email"), claims.get("name"), claims.get("email_verified")
    verified = said is True or said == "true"  # some send words
    return Somebody(str(claims["sub"]), email.lower() if email else None, verified, name)


def _session(provider: Provider, client: Client, redirect_uri: str) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        client.id,
        client.secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a name
        scope=provider.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        timeout=SERVER.timeout,
        follow_redirects=False,
    )


async def _found(provider: Provider, session: AsyncOAuth2Client) -> Endpoints:
    if provider.endpoints is not None:
        return provider.endpoints
    known, until = _endpoints.get(provider.issuer, (None, 0.0))
    if known is None or time.monotonic() > until:
        document = await _document(session, f"{provider.issuer}/.well-known/openid-configuration")
        if document.get("issuer") != provider.issuer:
            raise Refused(f"{provider.name}: calls itself {document.get('issuer')}")
        known = Endpoints(document["authorization_endpoint"], document["token_endpoint"], document["jwks_uri"])
        _endpoints[provider.issuer] = known, time.monotonic() + KEPT
    return known


async def _claims(
    provider: Provider, client: Client, endpoints: Endpoints, session: AsyncOAuth2Client, token: object
) -> dict[str, Any]:
    try:
        kid = jwt.get_unverified_header(token)["kid"]  # type: ignore[arg-type]
        claims: dict[str, Any] = jwt.decode(
            token,  # type: ignore[arg-type]
            await _key(endpoints.keys, kid, session),
            ALGORITHMS,
            {"require": ["exp", "iat", "sub", "aud", "iss"]},
            audience=client.id,
            issuer=provider.issuer,
            leeway=LEEWAY,
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise Refused(f"{provider.name}: {error!r}") from None
    return claims


async def _key(url: str, kid: str, session: AsyncOAuth2Client) -> jwt.PyJWK:
    """Raises KeyError."""
    known, read = _keys.get(url, (None, 0.0))
    age = time.monotonic() - read
    if known is None or age > KEPT or (age > PAUSE and kid not in {key.key_id for key in known.keys}):
        known = jwt.PyJWKSet.from_dict(await _document(session, url))
        _keys[url] = known, time.monotonic()
    return known[kid]


async def _document(session: AsyncOAuth2Client, url: str) -> dict[str, Any]:
    response: httpx2.Response = await session.request("GET", url, withhold_token=True)
    return dict(response.raise_for_status().json())
