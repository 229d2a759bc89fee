"""Whether an e-mail was opened and its links followed: noticed only of who has agreed to it, as long as they do.

Agreement is the consent to the text about cookies: a picture that is fetched tells as much.
"""

from collections.abc import Callable, Iterable

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.models import Consent, Delivery, LegalKind
from app.services.notifications import links

PLATFORM = Actor.platform()
OPENED, CLICKED = "mail/opened", "mail/clicked"
"""Paths of the two kinds of addresses."""


async def agreeing(user_ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Which of these people have agreed."""
    where = {"user_id": {"$in": list(user_ids)}, "kind": LegalKind.COOKIES.value, "withdrawn_at": None}
    return {row.user_id for row in await Consent.select(PLATFORM, where, fields=frozenset({"user_id"}))}


def pixel(delivery: Delivery) -> str:
    """The address of the picture that is fetched as it is opened."""
    return _address(OPENED, delivery, "")


def clicks(delivery: Delivery) -> Callable[[str], str]:
    """Where links lead instead, and from there to where they led."""
    return lambda url: _address(CLICKED, delivery, url)


async def opened(token: str) -> None:
    """Note that an e-mail was opened. Raises BadLink."""
    await _note(links.opened(OPENED, token), "opened_at")


async def clicked(token: str) -> str:
    """Note that a link was followed, and answer where it leads. Raises BadLink."""
    return await _note(links.opened(CLICKED, token), "clicked_at")


async def _note(plain: bytes, column: str) -> str:
    organization_id, id, url = ObjectId(plain[:12]), ObjectId(plain[12:24]), plain[24:].decode()
    where = {"_id": id, "organization_id": organization_id}
    delivery = await Delivery.lookup(PLATFORM, where)
    if delivery and delivery.user_id and await agreeing([delivery.user_id]):
        moment = now()
        set = {column: moment, **({"opened_at": moment} if delivery.opened_at is None else {})}
        await changes.change(Delivery, {**where, column: None}, {"$set": set})
    return url


def _address(path: str, delivery: Delivery, url: str) -> str:
    return links.made(path, delivery.organization_id.binary + delivery.id.binary + url.encode())
