"""Where people are told of things: their e-mail, their phone, and what they add to these."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes, keyring, seals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import LimitReached, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.integrations import fcm, twilio, web_push
from app.integrations.egress import egress
from app.models import Channel, Credential, NotificationAddress, NotificationAddressDocument, User
from app.models.notifications.events import NotificationAddressAdded, NotificationAddressRemoved

PLATFORM = Actor.platform()
MAX_ADDRESSES = 30
"""A person's."""


class TooManyAddresses(LimitReached):
    code = "TOO_MANY_ADDRESSES"


class NoChannel(Unavailable):
    """This Atrium has nobody to send by the channel."""

    code = "NO_CHANNEL"


def _key(length: int) -> Any:
    def check(value: str) -> str:
        try:
            found = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except ValueError:
            found = b""
        if len(found) != length:
            raise ValueError("This is no key of a subscription.")
        return value

    return AfterValidator(check)


Label = Annotated[str, Field(max_length=60, description="By which one knows it again.")]


class AppAddress(Command):
    """An installation of an app, as Firebase Cloud Messaging knows it."""

    fid: Annotated[str, Field(min_length=10, max_length=200, repr=False, description="The installation's id.")]
    label: Label = ""


class BrowserAddress(Command):
    """What a browser's `pushManager.subscribe` answers."""

    endpoint: Annotated[str, Field(max_length=2_000, repr=False)]
    p256dh: Annotated[str, Field(max_length=100, repr=False), _key(65)]
    auth: Annotated[str, Field(max_length=40, repr=False), _key(16)]
    label: Label = ""


class ChatTool(StrEnum):
    SLACK = "slack"
    TEAMS = "teams"


class ChatAddress(Command):
    """The URL of an incoming webhook of Slack, or of a workflow of Teams."""

    tool: ChatTool
    url: Annotated[str, Field(max_length=2_000, repr=False)]
    label: Label = ""


class AddressRemoval(Command):
    """An address of one's own."""

    address_id: Annotated[ObjectId, Ref("NotificationAddress")]


async def mine(actor: Actor, page: PageArgs) -> Page[NotificationAddress]:
    """What the actor has added."""
    return await NotificationAddress.page(actor, page)


def browser_key() -> str | None:
    """What browsers subscribe with; None where they cannot."""
    return web_push.public_key()


async def find(actor: Actor, id: ObjectId) -> NotificationAddress | None:
    return await NotificationAddress.lookup(actor, _id=id)


async def add_app(actor: Actor, given: AppAddress) -> NotificationAddress:
    """Tell one by an app. Raises NoChannel or TooManyAddresses."""
    return await _add(actor, Channel.PUSH, {"fid": given.fid}, given.label)


async def add_browser(actor: Actor, given: BrowserAddress) -> NotificationAddress:
    """Tell one by a browser. Raises NoChannel, UrlRefused or TooManyAddresses."""
    await egress().check(given.endpoint)
    keys = {"p256dh": given.p256dh, "auth": given.auth}
    return await _add(actor, Channel.WEB_PUSH, {"endpoint": given.endpoint, "keys": keys}, given.label)


async def add_chat(actor: Actor, given: ChatAddress) -> NotificationAddress:
    """Tell one in a chat tool. Raises UrlRefused or TooManyAddresses."""
    await egress().check(given.url)
    return await _add(actor, Channel(given.tool.value), {"url": given.url}, given.label)


@changes.atomic
async def remove(actor: Actor, given: AddressRemoval) -> NotificationAddress:
    """Tell one there no more. Raises NotFound."""
    assert actor.user_id
    told = NotificationAddressRemoved(actor, user=actor.user_id, address=given.address_id)
    removed = await changes.remove(NotificationAddress, NotificationAddress.within(actor, _id=given.address_id), told)
    if removed is None:
        raise NotFound("There is no such {kind}.", kind="NotificationAddress", path=["input", "addressId"])
    return removed


async def forget(id: ObjectId) -> None:
    """Let an address go at which there is nothing any more."""
    row = await NotificationAddress.lookup(PLATFORM, _id=id)
    if row is not None:
        with suppress(NotFound):
            await remove(Actor(user_id=row.user_id), AddressRemoval(address_id=id))


async def channels(user_ids: Collection[ObjectId]) -> Mapping[ObjectId, frozenset[Channel]]:
    """By which channels each of these people can be reached."""
    found = {id: {Channel.EMAIL} for id in user_ids}
    where, fields = {"user_id": {"$in": list(user_ids)}}, frozenset({"user_id", "channel"})
    for row in await NotificationAddress.select(PLATFORM, where, fields=fields):
        found[row.user_id].add(row.channel)
    if twilio.configured():
        known = await Credential.select(PLATFORM, {"_id": {"$in": list(user_ids)}}, fields=frozenset({"phone"}))
        for credential in known:
            if credential.phone:
                found[credential.id].add(Channel.SMS)
    return {id: frozenset(reached) for id, reached in found.items()}


async def reached(user: User, channel: Channel) -> list[str]:
    """The addresses of somebody by a channel, as deliveries name them."""
    if channel is Channel.EMAIL:
        return [user.email]
    if channel is Channel.SMS:
        number = await _number(user.id)
        return [number] if number else []
    rows = await NotificationAddress.select(PLATFORM, {"user_id": user.id, "channel": channel.value})
    return [str(row.id) for row in rows]


async def place(id: str) -> dict[str, Any] | None:
    """What it takes to write to an address; None if it is no more."""
    row = await NotificationAddress.lookup(PLATFORM, _id=ObjectId(id))
    text = await row.place.text() if row else None
    return json.loads(text) if text else None


@changes.atomic
async def _add(actor: Actor, channel: Channel, place: Mapping[str, Any], label: str) -> NotificationAddress:
    """What somebody else had before is theirs no more: it is the same device, or the same channel."""
    assert actor.user_id
    if not configured(channel):
        raise NoChannel("This channel cannot be used here.")
    text = json.dumps(place, sort_keys=True)
    fingerprint = seals.fingerprint("notification addresses", text.encode())
    made = NotificationAddressDocument(
        id=new_id(),
        user_id=actor.user_id,
        channel=channel,
        place=await keyring.seal(keyring.person(actor.user_id), text),
        fingerprint=fingerprint,
        label=label,
        created_at=now(),
    )
    stored = await NotificationAddress.lookup(PLATFORM, fingerprint=fingerprint)
    if stored is not None and stored.user_id == actor.user_id:
        return stored
    if stored is not None:
        await remove(Actor(user_id=stored.user_id), AddressRemoval(address_id=stored.id))
    if await NotificationAddress.tally(actor, cap=MAX_ADDRESSES) >= MAX_ADDRESSES:
        raise TooManyAddresses("You have {limit} of these already: remove one first.", limit=MAX_ADDRESSES)
    return await changes.insert(made, NotificationAddressAdded(actor, user=actor.user_id, address=made.id))


def configured(channel: Channel) -> bool:
    """Whether there is anybody to send by a channel to which addresses can be added."""
    match channel:
        case Channel.PUSH:
            return fcm.configured()
        case Channel.WEB_PUSH:
            return web_push.public_key() is not None
    return True


async def _number(user_id: ObjectId) -> str | None:
    credential = await Credential.lookup(PLATFORM, _id=user_id)
    return await credential.phone.number.text() if credential and credential.phone else None
