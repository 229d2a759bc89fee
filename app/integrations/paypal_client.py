"""What asks PayPal in the name of an app, and what its answers are.

PayPal's own client (paypal-server-sdk 2.4) blocks, speaks to the two hosts that it knows and to no other, and has
neither disputes nor webhooks: there would be two clients, and two ways of understanding an error.
Sources: https://developer.paypal.com/api/rest/authentication, https://developer.paypal.com/api/rest/responses
"""

import time
from collections.abc import Generator
from functools import cache
from typing import Any

import httpx

from app.core.settings import settings
from app.integrations.payments import NoAnswer, Refused, Unknown

TIMEOUT = 15
"""Seconds for each part of an answer."""
CONNECTIONS = 32
EARLY = 60.0
"""Seconds before its end from which a token is not used."""
_PASSING = frozenset((401, 408, 409, 429))
"""Statuses of what is not done now, and may be later; 409 says that the same is being done."""


class Bearer(httpx.Auth):
    """Asks for a token where there is none that is good, and once more where it was taken back before its time."""

    requires_response_body = True

    def __init__(self, url: str, id: str, secret: str) -> None:
        self._url, self._basic = f"{url}/v1/oauth2/token", httpx.BasicAuth(id, secret)
        self._token, self._until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for _ in range(2):
            if time.monotonic() >= self._until:
                asked = time.monotonic()
                wanted = httpx.Request("POST", self._url, data={"grant_type": "client_credentials"})
                response = yield next(self._basic.auth_flow(wanted))
                if not response.is_success:
                    raise NoAnswer(f"{response.status_code}, and no token")
                given = _json(response)
                self._token, self._until = str(given["access_token"]), asked + float(given["expires_in"]) - EARLY
            request.headers["Authorization"] = f"Bearer {self._token}"
            response = yield request
            if response.status_code != 401:
                return
            self._until = 0.0


def client() -> httpx.AsyncClient:
    """The client of the platform's app. Raises Refused where there is none."""
    known = settings()
    if not known.paypal_client_id or known.paypal_client_secret is None:
        raise Refused("not_configured", "there is no app of PayPal's")
    secret = known.paypal_client_secret.get_secret_value()
    return _made(str(known.paypal_api_url).rstrip("/"), known.paypal_client_id, secret)


@cache
def _made(url: str, id: str, secret: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        auth=Bearer(url, id, secret),
        headers={"Prefer": "return=representation"},
        timeout=TIMEOUT,
        limits=httpx.Limits(max_connections=CONNECTIONS),
    )


def read(response: httpx.Response) -> Any:
    """What is in an answer; None if nothing is. Raises Unknown, Refused, NoAnswer."""
    if not response.is_success:
        raise _error(response)
    return _json(response) if response.content else None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise NoAnswer(f"{response.status_code}, and no JSON") from None


def _error(response: httpx.Response) -> Exception:
    """What an error says. Only what is wrong with the question is a refusal: the rest may pass, or was done."""
    try:
        said = response.json()
        details = said.get("details") or [{}]
        code, text = str(details[0].get("issue") or said["name"]), str(said.get("message") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return NoAnswer(f"{response.status_code}, with no error in it")
    if response.status_code >= 500 or response.status_code in _PASSING:
        return NoAnswer(f"{response.status_code} {code}: {text}")
    kind = Unknown if response.status_code == 404 else Refused
    return kind(code.lower(), text)
