"""Passwords known from breaches, asked for by k-anonymity (https://haveibeenpwned.com/API/v3#PwnedPasswords).

What leaves is five of the forty digits of the password's SHA-1; what comes back, padded so that its length tells
nothing, are the other digits of all that begin so.
"""

import hashlib

import httpx
import structlog

from app.core.errors import Unavailable
from app.core.outside import Outside
from app.core.settings import settings

PREFIX = 5

SERVER = Outside("breaches", timeout=3, concurrency=16)

_log = structlog.get_logger(__name__)


async def known(password: str) -> bool:
    """Whether the password was in a breach; False as well while nobody is asked, or who is does not answer."""
    url = settings().breaches_url
    if url is None:
        return False
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        async with SERVER.call(), httpx.AsyncClient(timeout=SERVER.timeout) as client:
            place = f"{str(url).rstrip('/')}/{digest[:PREFIX]}"
            response = (await client.get(place, headers={"Add-Padding": "true"})).raise_for_status()
    except (httpx.HTTPError, TimeoutError, Unavailable) as error:
        _log.warning("breaches.unanswered", error=type(error).__name__)
        return False
    counts = dict(line.strip().split(":", 1) for line in response.text.splitlines() if ":" in line)
    return counts.get(digest[PREFIX:], "0") != "0"  # padding counts nought
