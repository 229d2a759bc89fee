"""Outgoing e-mail by Resend's own client (https://resend.com/docs/api-reference/emails/send-email), and its webhooks.

A message is given with an idempotency key, so Resend takes it once however often it is sent within a day.
"""

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import resend
from resend.exceptions import RateLimitError, ResendError
from resend.http_client_httpx import HTTPXClient

from app.core.outside import Outside
from app.core.settings import settings
from app.integrations.mail import InDoubt, Rejected

TIMEOUT = 15
"""Seconds for the answer."""
REFUSALS = ("400", "413", "422")
"""Statuses of what Resend will not take in any attempt."""
TAG = "delivery"

SERVER = Outside("resend", timeout=20, concurrency=8, refusals=(Rejected,))


class BadSignature(Exception):
    """Resend has not signed this."""


class Slow(Exception):
    """Resend wants to be asked less often: again in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("Resend is asked too often")
        self.retry_after = retry_after


async def send(message: EmailMessage, reference: str) -> str:
    """Hand a message to Resend and answer its id there; webhooks tell the reference.

    Raises Rejected for what another attempt would not change, InDoubt, Slow, Away while Resend is left alone; any other
    error may pass, and says that Resend has not taken the message.
    """
    try:
        async with SERVER.call():
            return await _send(message, reference)
    except TimeoutError as error:
        raise InDoubt("no answer in time") from error


async def _send(message: EmailMessage, reference: str) -> str:
    known = settings()
    assert known.resend_api_key is not None, "the settings require one"
    resend.api_key = known.resend_api_key.get_secret_value()
    resend.api_url = str(known.resend_url).rstrip("/")
    resend.default_async_http_client = HTTPXClient(timeout=TIMEOUT)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    headers = {name: str(message[name]) for name in message if name.startswith(("List-", "Auto-", "Message-"))}
    wanted: resend.Emails.SendParams = {
        "from": str(message["From"]),
        "to": [str(message["To"])],
        "subject": str(message["Subject"]),
        "text": text.get_content(),
        "html": html.get_content(),
        "headers": headers,
        "tags": [{"name": TAG, "value": reference}],
    }
    try:
        return str((await resend.Emails.send_async(wanted, {"idempotency_key": reference}))["id"])
    except RateLimitError as error:
        raise Slow(float(error.headers.get("retry-after") or 1)) from None
    except ResendError as error:
        if error.error_type == "HttpClientError":
            raise InDoubt(str(error)) from error
        if str(error.code) in REFUSALS:
            raise Rejected(f"Resend refuses with {error.code}: {error}") from error
        raise


def told(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The event in a webhook of Resend's. Raises BadSignature."""
    secret = settings().resend_webhook_secret
    if secret is None:
        raise BadSignature("there is no secret")
    signed = {name: headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")}
    try:
        event: Any = resend.Webhooks.verify(
            {
                "payload": body.decode(),
                "headers": {"id": signed["id"], "timestamp": signed["timestamp"], "signature": signed["signature"]},
                "webhook_secret": secret.get_secret_value(),
            }
        )
    except ValueError as error:
        raise BadSignature(str(error)) from None
    return dict(event)


def reference_of(event: Mapping[str, Any]) -> str:
    """The reference of the message that an event is about; empty if it is about none of ours."""
    tags = event.get("data", {}).get("tags") or {}
    if isinstance(tags, list):
        tags = {tag.get("name"): tag.get("value") for tag in tags if isinstance(tag, dict)}
    return str(tags.get(TAG, ""))
