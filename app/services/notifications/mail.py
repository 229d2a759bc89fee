"""The carrier of e-mail: by the first provider that is well, and that one again while it may have taken a message."""

from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from typing import Any

import structlog

from app.core import changes
from app.core.actor import Actor
from app.core.settings import settings
from app.integrations import resend, smtp
from app.integrations.mail import InDoubt, Rejected
from app.models import PLATFORM_ID, Delivery, Organization
from app.services.notifications import kinds, letters, templates, tracking, unsubscribing
from app.services.notifications.carrying import Receipt, Refused, pace
from app.services.notifications.letters import Look, Source, ours
from app.services.notifications.templating import BadTemplate
from app.services.organizations import brands

PLATFORM = Actor.platform()

_log = structlog.get_logger(__name__)


async def _by_smtp(message: EmailMessage, reference: str) -> str | None:
    await smtp.send(message)
    return None


SENDERS: Mapping[str, Callable[[EmailMessage, str], Awaitable[str | None]]] = {
    "smtp": _by_smtp,
    "resend": resend.send,
}


async def carry(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Send an e-mail: its template, filled in with the content."""
    message = await _message(delivery, content)
    reference = f"{delivery.organization_id}_{delivery.id}"
    providers = _providers(delivery)
    for place, name in enumerate(providers, start=1):
        await pace(name, settings().mail_per_minute)
        try:
            if place > 1:  # what becomes of an attempt that is cut off must be asked of this one
                await changes.change(Delivery, _where(delivery), {"$set": {"provider": name}})
            return Receipt(name, await SENDERS[name](message, reference))
        except Rejected as error:
            raise Refused(str(error), address=error.address) from error
        except InDoubt:
            raise
        except Exception as error:
            if place == len(providers):
                raise
            _log.warning("mail.failover", provider=name, error=repr(error)[:500])
    raise AssertionError("there is a provider")


def _providers(delivery: Delivery) -> tuple[str, ...]:
    """Who may be given it, in order: one only, if an earlier attempt at it ended in doubt."""
    configured = settings().mail_providers
    before = delivery.provider or configured[0]
    return (before,) if delivery.doubts and before in configured else configured


async def _message(delivery: Delivery, content: Mapping[str, Any]) -> EmailMessage:
    organization = await _organization(delivery)
    look, unsubscribe = look_of(organization) if organization else Look(), unsubscribing.link(delivery)
    source, locale = await _source(delivery, content, organization)
    tracks: dict[str, Any] = (
        {"follow": tracking.clicks(delivery), "pixel": tracking.pixel(delivery)} if delivery.tracked else {}
    )
    try:
        letter = letters.letter(source, locale, content, look, unsubscribe=unsubscribe, **tracks)
    except BadTemplate as error:
        raise Refused(str(error)) from error
    name = content.get("name", "")
    return letters.message(letter, look, name, delivery.address, str(delivery.id), unsubscribe=unsubscribe)


async def _source(
    delivery: Delivery, content: Mapping[str, Any], organization: Organization | None
) -> tuple[Source, str]:
    """The template, and in which language it is."""
    key, locale = delivery.template or "", delivery.locale
    if "source" in content:
        return Source(**content["source"]), locale
    if organization is not None and (
        found := await templates.published(organization.id, key, locale, organization.locale)
    ):
        return found
    if key not in kinds.KINDS:
        raise Refused(f"There is no published template {key}.")
    return ours(key, letters.language(locale)), letters.language(locale)


async def _organization(delivery: Delivery) -> Organization | None:
    if delivery.organization_id == PLATFORM_ID:
        return None
    organization = await Organization.lookup(PLATFORM, _id=delivery.organization_id)
    if organization is None:
        raise Refused("The organization is gone.")
    return organization


def look_of(organization: Organization) -> Look:
    """How an organization's e-mails look."""
    if organization.brand_color is None:
        return Look(organization.name, sender=organization.sender_name)
    text = organization.brand_text_color or brands.text_on(organization.brand_color)
    return Look(organization.name, organization.brand_color, text, organization.sender_name)


def _where(delivery: Delivery) -> dict[str, Any]:
    return {"_id": delivery.id, "organization_id": delivery.organization_id}
