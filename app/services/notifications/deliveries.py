"""Deliveries: whatever goes out to somebody is asked for here, once for each cause and receiver, and sent by a job.

    queued -> sending -> sent -> delivered -> complained
                 |         '-> bounced
                 '-> failed | bounced

An attempt that was cut off leaves a delivery at `sending` and counts as a doubt: the next attempt sends it again with
the same id, by which a provider or the receiver's server can tell the copies apart. ADR 45.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from bson import ObjectId

from app.core import changes, metrics
from app.core.actor import Actor
from app.core.clock import derived_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.logs import redact
from app.core.machines import Machine, Transition, only_platform
from app.core.paging import Page, PageArgs
from app.integrations.mail import InDoubt
from app.models import (
    PLATFORM_ID,
    Channel,
    Delivery,
    DeliveryDocument,
    DeliveryPriority,
    DeliveryState,
    SuppressionReason,
)
from app.models.notifications.deliveries import sealed
from app.models.notifications.events import BulkDeliveryAsked, DeliveryAsked, DeliveryEvent, UrgentDeliveryAsked
from app.services.notifications import suppressions
from app.services.notifications.carriers import CARRIERS
from app.services.notifications.carrying import Refused

ATTEMPTS = 20
"""How often to try to send one: with the pauses of durable jobs, for some hours."""
BULK_PAUSE = 30.0
"""Seconds within which what is BULK tries again where the rate of a provider is used up, so that others find room."""
MAX_REASON = 500
PLATFORM = Actor.platform()
HOME = Actor.platform(PLATFORM_ID)
"""As whom to ask for what the platform sends in its own name."""

QUEUED, SENDING, SENT = DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT
ASKED: Mapping[DeliveryPriority, type[DeliveryEvent]] = {
    DeliveryPriority.URGENT: UrgentDeliveryAsked,
    DeliveryPriority.NORMAL: DeliveryAsked,
    DeliveryPriority.BULK: BulkDeliveryAsked,
}

DELIVERY = Machine(
    Transition("take", frozenset({QUEUED, SENDING, DeliveryState.FAILED}), SENDING, only_platform),
    Transition("give_back", frozenset({SENDING}), QUEUED, only_platform),
    Transition("note_sent", frozenset({SENDING}), SENT, only_platform),
    Transition("note_delivered", frozenset({SENDING, SENT}), DeliveryState.DELIVERED, only_platform),
    Transition("bounce", frozenset({SENDING, SENT}), DeliveryState.BOUNCED, only_platform),
    Transition(
        "complain", frozenset({SENDING, SENT, DeliveryState.DELIVERED}), DeliveryState.COMPLAINED, only_platform
    ),
    Transition("fail", frozenset({QUEUED, SENDING, SENT}), DeliveryState.FAILED, only_platform),
    Transition("suppress", frozenset({QUEUED}), DeliveryState.SUPPRESSED, only_platform),
    Transition("cancel", frozenset({QUEUED}), DeliveryState.CANCELLED, only_platform),
    Transition("retry", frozenset({DeliveryState.FAILED}), QUEUED),
)


_BLOCKS = {"bounce": SuppressionReason.BOUNCED, "complain": SuppressionReason.COMPLAINED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something that is to go out: to which address, over which channel, and what it says.

    `content` holds the variables of `template`, or, without one, what the channel's carrier understands. `kind` is what
    it is about, by which people choose what they get. Without an organization it is the platform's own.
    """

    channel: Channel
    kind: str
    address: str
    content: Mapping[str, Any]
    template: str | None = None
    locale: str = "en"
    organization_id: ObjectId | None = None
    user_id: ObjectId | None = None
    priority: DeliveryPriority = DeliveryPriority.NORMAL
    due_at: datetime | None = None
    expires_at: datetime | None = None
    cancel_key: str | None = None
    campaign_id: ObjectId | None = None
    tracked: bool = False


async def ask(cause: ObjectId, wanted: Wanted) -> None:
    """Let it go out; the same cause makes one delivery to an address over a channel, however often it asks."""
    made, told = asked(cause, wanted)
    await changes.insert_once(made, {"_id": made.id, "organization_id": made.organization_id}, told)


def asked(cause: ObjectId, wanted: Wanted) -> tuple[DeliveryDocument, DeliveryEvent]:
    """The delivery, and the event that is to be told with it."""
    moment = now()
    made = DeliveryDocument(
        id=derived_id(cause, wanted.channel, wanted.kind, wanted.address),
        organization_id=wanted.organization_id or PLATFORM_ID,
        channel=wanted.channel,
        kind=wanted.kind,
        user_id=wanted.user_id,
        address=wanted.address,
        template=wanted.template,
        locale=wanted.locale,
        sealed=sealed(wanted.content),
        priority=wanted.priority,
        due_at=wanted.due_at or moment,
        expires_at=wanted.expires_at,
        cancel_key=wanted.cancel_key,
        campaign_id=wanted.campaign_id,
        tracked=wanted.tracked,
        created_at=moment,
        changed_at=moment,
    )
    actor = Actor.platform(wanted.organization_id)
    return made, ASKED[wanted.priority](actor, delivery=made.id, due=wanted.due_at)


def withheld(cause: ObjectId, wanted: Wanted, reason: str) -> DeliveryDocument:
    """A delivery that does not go out: it tells why somebody got none."""
    made, _ = asked(cause, wanted)
    made.state, made.reason, made.sealed = DeliveryState.SUPPRESSED, reason, b""
    return made


async def cancel(organization_id: ObjectId | None, cancel_keys: Collection[str]) -> int:
    """Let none of these go out that are not under way, and answer how many there were."""
    where = {
        "cancel_key": {"$in": list(cancel_keys)},
        "state": QUEUED.value,
        "organization_id": organization_id or PLATFORM_ID,
    }
    set = {"state": DeliveryState.CANCELLED.value, "changed_at": now()}
    return await changes.change_all(Delivery, Delivery.within(PLATFORM, where), {"$set": set})


class NothingToSay(Conflict):
    """What it said is forgotten: a provider has refused it for good, and would again."""

    code = "NOTHING_TO_SAY"


class DeliveryToRetry(Command):
    """A delivery that was given up."""

    delivery_id: Annotated[ObjectId, Ref("Delivery")]


async def find(actor: Actor, id: ObjectId) -> Delivery | None:
    return await Delivery.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, state: DeliveryState | None) -> Page[Delivery]:
    """What went out in the name of the actor's organization, or is to."""
    return await Delivery.page(actor, page, {"state": state.value} if state else {})


async def retry(actor: Actor, given: DeliveryToRetry) -> Delivery:
    """Send again what was given up. Raises NotFound, IllegalTransition or NothingToSay."""
    delivery = await Delivery.lookup(actor, _id=given.delivery_id)
    if delivery is None:
        raise NotFound("There is no such {kind}.", kind="Delivery", path=["input", "deliveryId"])
    if delivery.state is DeliveryState.FAILED and not delivery.sealed:
        raise NothingToSay("What it said is forgotten.", path=["input", "deliveryId"])
    told = ASKED[delivery.priority](Actor.platform(actor.organization_id), delivery=delivery.id)
    where = {"organization_id": delivery.organization_id}
    return await DELIVERY.move(actor, delivery, "retry", told, where=where, attempts=0, reason="")


async def report(reference: str, news: str, reason: str = "") -> None:
    """Note what a provider tells of a message, by the reference that `reference` gave it; it may tell it again."""
    organization, _, id = reference.partition("_")
    if not (ObjectId.is_valid(organization) and ObjectId.is_valid(id)):
        return
    delivery = await Delivery.lookup(PLATFORM, _id=ObjectId(id), organization_id=ObjectId(organization))
    if delivery is None or delivery.state not in DELIVERY.transitions[news].sources:
        return
    try:
        await _move(delivery, news, reason=redact(reason)[:MAX_REASON], sealed=b"")
    except Conflict:  # it was told twice at once
        return
    if blocks := _BLOCKS.get(news):
        await suppressions.add(delivery.organization_id, delivery.address, blocks)


async def send(event: DeliveryEvent, job_id: str, *, last: bool) -> None:
    """Send a delivery, unless it was sent, or cannot be any more; `last` if there will be no other attempt."""
    home = event.actor.organization_id or PLATFORM_ID
    delivery = await Delivery.lookup(PLATFORM, _id=event.delivery, organization_id=home)
    if delivery is None or not _mine(delivery, job_id):
        return
    if delivery.expires_at and delivery.expires_at <= now():
        if delivery.state is not DeliveryState.FAILED:
            await _move(delivery, "fail", reason="It came too late to be of use.", sealed=b"")
        return
    if delivery.state is QUEUED and (reason := await suppressions.why(delivery)):
        await _move(delivery, "suppress", reason=reason.value, sealed=b"")
        return
    taken = await _take(delivery, job_id)
    if taken is not None:
        await _carry(taken, last=last)


def _mine(delivery: Delivery, job_id: str) -> bool:
    """Whether a job may take it: another job's attempt that was cut off is that job's to make again."""
    if delivery.state in (SENDING, DeliveryState.FAILED):
        return delivery.job_id == job_id
    return delivery.state is QUEUED


async def _take(delivery: Delivery, job_id: str) -> Delivery | None:
    doubts = delivery.doubts + (delivery.state is SENDING)
    seen = {"attempts": delivery.attempts, "job_id": delivery.job_id}  # else another job may be sending it by now
    set = {"attempts": delivery.attempts + 1, "doubts": doubts, "job_id": job_id, "reason": ""}
    try:
        return await _move(delivery, "take", seen, **set)
    except Conflict:  # somebody else has it, or it was cancelled
        return None


async def _carry(delivery: Delivery, *, last: bool) -> None:
    try:
        receipt = await CARRIERS[delivery.channel](delivery, delivery.content)
    except Refused as refused:
        name = "bounce" if refused.address else "fail"
        await _settle(delivery, name, reason=redact(str(refused))[:MAX_REASON], sealed=b"")
        if refused.address:
            await suppressions.add(delivery.organization_id, delivery.address, SuppressionReason.BOUNCED)
    except Exception as error:
        if (pause := getattr(error, "retry_after", None)) is not None:
            await _settle(delivery, "give_back", attempts=delivery.attempts - 1)
            if (
                delivery.priority is DeliveryPriority.BULK
            ):  # many wait: they come again one by one, and others find room
                error.retry_after = pause + random.uniform(0, BULK_PAUSE)  # type: ignore[attr-defined]  # noqa: S311
            raise
        doubts = delivery.doubts + isinstance(error, InDoubt)
        reason = redact(repr(error))[:MAX_REASON]
        await _settle(delivery, "fail" if last else "give_back", reason=reason, doubts=doubts)
        raise
    else:
        await _settle(delivery, "note_sent", provider=receipt.provider, provider_id=receipt.id, sealed=b"")


async def _settle(delivery: Delivery, name: str, **set: Any) -> None:
    """Note how an attempt ended; the provider may have told it already, and more."""
    target = DELIVERY.transitions[name].target
    metrics.DELIVERIES.labels(delivery.channel.value, target.value).inc()
    try:
        await _move(delivery, name, **set)
    except Conflict:
        where = {"_id": delivery.id, "organization_id": delivery.organization_id}
        await changes.change(Delivery, where, {"$set": set})


async def _move(delivery: Delivery, name: str, seen: Mapping[str, Any] | None = None, /, **set: Any) -> Delivery:
    """Take a transition of DELIVERY while its columns are as they were `seen`. Raises IllegalTransition or Conflict."""
    where = {"organization_id": delivery.organization_id, **(seen or {})}
    return await DELIVERY.move(PLATFORM, delivery, name, where=where, **set)
