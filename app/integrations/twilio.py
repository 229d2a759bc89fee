"""Text messages, by Twilio's own client (https://www.twilio.com/docs/messaging/api/message-resource)."""

import logging

from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from app.core.jobs import Permanent
from app.core.outside import Outside
from app.core.settings import settings

TIMEOUT = 10.0
"""Seconds for the answer."""


_NO_NUMBER = frozenset({21211, 21408, 21610, 21612, 21614, 30003, 30006})
"""Codes by which Twilio says that this number gets nothing; 21610: its owner has written STOP.
Source: https://www.twilio.com/docs/api/errors"""


class Rejected(Permanent):
    """Twilio will never send this; with `address`, nothing at all to this number."""

    def __init__(self, reason: str, *, address: bool = False) -> None:
        super().__init__(reason)
        self.address = address


SERVER = Outside("twilio", timeout=15, concurrency=8, refusals=(Rejected,))

_quiet = logging.getLogger(f"{__name__}.client")  # at its own levels it tells what it sends
_quiet.setLevel(logging.WARNING)


def configured() -> bool:
    """Whether there is anybody to send text messages."""
    return settings().twilio_account_sid is not None


async def send(number: str, text: str) -> str:
    """Send a text message to a number in E.164, and answer what Twilio calls it.

    Raises Rejected for what another attempt would not change, Away while Twilio is left alone; any other error may
    pass.
    """
    known = settings()
    assert known.twilio_auth_token is not None, "the settings require one"
    async with SERVER.call(), AsyncTwilioHttpClient(timeout=TIMEOUT, logger=_quiet) as http:
        client = Client(known.twilio_account_sid, known.twilio_auth_token.get_secret_value(), http_client=http)
        client.api.base_url = str(known.twilio_url)
        try:
            made = await client.messages.create_async(to=number, from_=known.twilio_from, body=text)
        except TwilioRestException as error:
            if 400 <= error.status < 500 and error.status not in (401, 403, 408, 429):
                reason = f"Twilio refuses with {error.status}, code {error.code}"
                raise Rejected(reason, address=error.code in _NO_NUMBER) from None
            raise
        return str(made.sid)
