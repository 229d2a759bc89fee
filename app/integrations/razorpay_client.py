"""Razorpay's own client, which is synchronous, waits for ever and forgets what an error says: here it does not.

Source of the errors: https://razorpay.com/docs/errors/
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import requests
from razorpay import Client
from requests.adapters import HTTPAdapter

from app.core.settings import settings
from app.integrations.payments import NoAnswer, Refused, Unknown

T = TypeVar("T")

TIMEOUT = (5, 10)
"""Seconds to be connected, and for each part of the answer."""
CONNECTIONS = 16
_THREADS = ThreadPoolExecutor(2 * CONNECTIONS, "razorpay")  # one that is late keeps nobody waiting
_NO_REASON = ("", "NA", None)


class _Wire(HTTPAdapter):
    """Bounds every call, and raises what is refused before the client makes a sentence of it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().send(request, *args, **{**kwargs, "timeout": TIMEOUT})
            response.content  # noqa: B018 - read here, where an answer that breaks off is caught
        except requests.RequestException as error:
            raise NoAnswer(repr(error)) from None
        if response.status_code >= 300:
            raise _error(response)
        return response


def ask(call: Callable[[Client], T]) -> asyncio.Future[T]:
    """What a call answers, made in a thread of its own. Raises Refused where there is no key."""
    return asyncio.get_running_loop().run_in_executor(_THREADS, call, client())


def client() -> Client:
    """The client of the platform's account. Raises Refused where there is no key."""
    known = settings()
    if not known.razorpay_key_id or known.razorpay_key_secret is None:
        raise Refused("not_configured", "there is no key of Razorpay's")
    secret = known.razorpay_key_secret.get_secret_value()
    return _made(known.razorpay_key_id, secret, str(known.razorpay_api_url).rstrip("/"))


@cache
def _made(id: str, secret: str, url: str) -> Client:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Wire(pool_maxsize=CONNECTIONS))
    return Client(session=session, auth=(id, secret), base_url=url)


def _error(response: requests.Response) -> Exception:
    """What an error says. Only what is wrong with the question is a refusal: the rest may pass, or was done."""
    try:
        said = response.json()["error"]
        code, text = str(said["code"]), str(said.get("description") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return NoAnswer(f"{response.status_code}, with no error in it")
    if response.status_code not in (400, 404) or code != "BAD_REQUEST_ERROR":
        return NoAnswer(f"{response.status_code} {code}: {text}")
    kind = Unknown if response.status_code == 404 or "does not exist" in text else Refused
    reason = said.get("reason")
    return kind(code.lower() if reason in _NO_REASON else str(reason), text)
