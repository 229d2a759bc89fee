"""Attempts of strangers: a few for each account, whether or not there is one, more for each place on the network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from app.core import throttles
from app.core.errors import Invalid

STRETCH = 15 * 60
"""Seconds."""
GUESSES, GUESSES_FROM = 10, 50
"""Wrong passwords and codes in any stretch: for one account, and from one place."""
WISHES, WISHES_FROM = 3, 50
"""E-mails that strangers may have sent to one address in any stretch, and from one place."""


class WrongCredentials(Invalid):
    """The address and the password do not belong together, or there is no such account: which, is not told."""

    code = "WRONG_CREDENTIALS"


@asynccontextmanager
async def guess(account: str, address: str) -> AsyncIterator[None]:
    """Let the body find out whether a password or a code is right; only what it finds Invalid is counted.

    It is counted before it is known, so that no more are tried at once. Raises Throttled.
    """
    place = _place(address)
    await throttles.spend("guesses from", place, GUESSES_FROM, STRETCH)
    await throttles.spend("guesses", account, GUESSES, STRETCH)
    wrong = False
    try:
        yield
    except Invalid:
        wrong = True
        raise
    finally:
        if not wrong:
            await throttles.forgive("guesses", account)
            await throttles.forgive("guesses from", place)


async def ask(what: str, email: str, address: str) -> None:
    """Let a stranger at `address` ask for something that sends an e-mail. Raises Throttled."""
    await throttles.spend(f"{what} from", _place(address), WISHES_FROM, STRETCH)
    await throttles.spend(what, email, WISHES, STRETCH)


def _place(address: str) -> str:
    """Who holds an address of IPv6 holds the 2^64 beside it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address
