"""What providers tell of the messages that they were given."""

from collections.abc import Mapping

from app.integrations import resend
from app.services.notifications import deliveries

NEWS = {
    "email.delivered": "note_delivered",
    "email.bounced": "bounce",
    "email.complained": "complain",
    "email.failed": "fail",
}
"""The transitions of DELIVERY that Resend's events are. Source: https://resend.com/docs/webhooks/event-types"""


async def of_resend(body: bytes, headers: Mapping[str, str]) -> None:
    """Note what a webhook of Resend's says. Raises BadSignature."""
    event = resend.told(body, headers)
    news = NEWS.get(str(event.get("type")))
    data = event.get("data") or {}
    bounce = data.get("bounce") or {}
    if news is None or bounce.get("type") == "Transient":
        return
    reason = bounce.get("message") or (data.get("failed") or {}).get("reason") or ""
    await deliveries.report(resend.reference_of(event), news, str(reason))
