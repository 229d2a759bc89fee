"""The batches of a campaign: who is next of its audience, and when each of them gets it.

E-mails are asked for in batches of a few seconds' worth, at the pace of the provider. A batch, the place that it came
to in the audience and the next batch's job are one transaction, so no crash makes a delivery twice or leaves one out;
and since a delivery's id follows from the campaign and the address, nothing could make another.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Conflict
from app.core.paging import OLDEST, Order
from app.core.settings import settings
from app.models import (
    Campaign,
    Channel,
    Delivery,
    DeliveryDocument,
    DeliveryPriority,
    DeliveryState,
    NotificationKind,
    Organization,
    User,
)
from app.models.notifications.campaigns import SendingWindow
from app.models.notifications.events import BulkDeliveryAsked, CampaignBatchDue
from app.services.notifications import attention, deliveries, tracking
from app.services.notifications.campaigns import FILTERABLE, PAUSE, PLATFORM, SCHEDULED, SENDING, move
from app.services.notifications.decisions import Attention, after_quiet, by
from app.services.notifications.deliveries import Wanted
from app.services.notifications.types.registry import TYPES
from app.services.organizations import members

PART = 0.97
"""The part of the provider's rate that campaigns take, so that what somebody waits for finds room."""
BATCH_SECONDS = 15.0
MOST = 500
"""E-mails in a batch."""
LEAD = timedelta(seconds=5)
"""How long before its first e-mail a batch is made."""
TRIES = 30
"""How often to look for an hour that is somebody's and the campaign's."""
PACED, LATEST = Order(("paced_until", "_id")), Order(("due_at", "_id"))
SWITCHED_OFF = "switched_off"
"""The reason of deliveries to people who want no campaigns."""


@changes.atomic
async def advance(event: CampaignBatchDue) -> None:
    """Make the next batch of a campaign, if it is still this one's turn."""
    inside = Actor.platform(event.actor.organization_id)
    campaign = await Campaign.lookup(inside, _id=event.campaign, turn=event.turn)
    if campaign is None or campaign.state not in (SCHEDULED, SENDING):
        return
    organization = await Organization.require(inside, campaign.organization_id)
    everybody = campaign.window if campaign.window and not campaign.window.local else None
    if (opens := _opening(everybody, organization.time_zone, now())) is not None:
        await _next(campaign, inside, opens)
        return
    if campaign.state is SCHEDULED:
        await move(inside, campaign, "begin")
    per_second = settings().mail_per_minute * PART / 60
    size = max(1, min(MOST, int(per_second * BATCH_SECONDS)))
    begins = await _free_from()
    places = [begins + timedelta(seconds=place / per_second) for place in range(size)]
    revived = await _revive(campaign, organization, places)
    looked_at, made = await _make(campaign, organization, places[revived:])
    if revived or looked_at:
        end = begins + timedelta(seconds=max(revived + made, 1) / per_second)
        cursor = looked_at[-1].id if looked_at else campaign.cursor
        await _next(campaign, inside, end - LEAD, cursor=cursor, made=campaign.made + made, paced_until=end)
    elif (last := await _last(campaign)) is not None:
        await _next(campaign, inside, max(now() + LEAD, last))
    else:
        sending = await Campaign.require(inside, campaign.id)
        await move(inside, sending, "finish")


async def _last(campaign: Campaign) -> datetime | None:
    """When the last that has not gone out is due; None when all have."""
    inside, states = Actor.platform(campaign.organization_id), [DeliveryState.QUEUED.value, DeliveryState.SENDING.value]
    where = {"campaign_id": campaign.id, "state": {"$in": states}}
    rows = await Delivery.select(inside, where, fields=frozenset({"due_at"}), order=LATEST, limit=1)
    return rows[0].due_at if rows else None


async def _next(campaign: Campaign, actor: Actor, due: datetime, **set: Any) -> None:
    """Let another batch be made."""
    turn = campaign.turn + 1
    told = CampaignBatchDue(actor, campaign=campaign.id, turn=turn, due=due)
    where = Campaign.within(actor, _id=campaign.id, turn=campaign.turn)
    if await changes.change(Campaign, where, {"$set": {"turn": turn, **set}}, told) is None:
        raise Conflict("Somebody else changed it first: look again.")


async def _free_from() -> datetime:
    """From when on the provider is given nothing yet of any campaign, in whichever organization."""
    sending = {"state": SENDING.value, "paced_until": {"$gt": now()}}
    last = await Campaign.select(PLATFORM, sending, fields=frozenset({"paced_until"}), order=PACED, limit=1)
    return (last[0].paced_until if last else None) or now()


async def _revive(campaign: Campaign, organization: Organization, places: list[datetime]) -> int:
    """Queue again what a pause has cancelled, as far as there are places; answers how many."""
    inside = Actor.platform(campaign.organization_id)
    where = {"campaign_id": campaign.id, "state": DeliveryState.CANCELLED.value, "reason": PAUSE}
    paused = await Delivery.select(inside, where, order=OLDEST, limit=len(places))
    people = await User.select(inside, {"_id": {"$in": [delivery.user_id for delivery in paused]}})
    known = await attention.of_all(people, organization.id, now())
    for delivery, place in zip(paused, places, strict=False):
        due = _moment(campaign, organization, known.get(delivery.user_id), place)  # type: ignore[arg-type]
        set: dict[str, Any] = {"changed_at": now()}
        told: list[BulkDeliveryAsked] = []
        if due is None:
            set |= {"state": DeliveryState.SUPPRESSED.value, "reason": SWITCHED_OFF, "sealed": b""}
        else:
            set |= {"state": DeliveryState.QUEUED.value, "reason": "", "due_at": due}
            told.append(BulkDeliveryAsked(inside, delivery=delivery.id, due=due))
        await changes.change(Delivery, Delivery.within(inside, where, _id=delivery.id), {"$set": set}, *told)
    return len(paused)


async def _make(campaign: Campaign, organization: Organization, places: list[datetime]) -> tuple[list[User], int]:
    """Ask for e-mails to the next of the audience; answers who was looked at, and how many get one."""
    if not places:
        return [], 0
    inside = Actor.platform(campaign.organization_id)
    where = {"$and": [FILTERABLE.mongo(campaign.audience), {"_id": {"$gt": campaign.cursor}}]}
    people = await User.select(inside, where, order=OLDEST, limit=len(places))
    active = await members.active_ids(inside, [person.id for person in people])
    receivers = [person for person in people if person.id in active]
    agreeing, known = await tracking.agreeing(active), await attention.of_all(receivers, organization.id, now())
    made: list[DeliveryDocument] = []
    for person, place in zip(receivers, places, strict=False):
        due = _moment(campaign, organization, known[person.id], place)
        wanted = Wanted(
            channel=Channel.EMAIL,
            kind=NotificationKind.CAMPAIGN.value,
            template=campaign.template,
            address=person.email,
            content={"name": person.name},
            locale=person.locale,
            organization_id=organization.id,
            user_id=person.id,
            priority=DeliveryPriority.BULK,
            due_at=due,
            campaign_id=campaign.id,
            tracked=person.id in agreeing,
        )
        if due is None:
            made.append(deliveries.withheld(campaign.id, wanted, SWITCHED_OFF))
        else:
            delivery, told = deliveries.asked(campaign.id, wanted)
            made.append(delivery)
            changes.emit(told)
    await changes.insert_all(made)
    return people, len(made)


def _moment(
    campaign: Campaign, organization: Organization, attention: Attention | None, place: datetime
) -> datetime | None:
    """When somebody gets it who could have it at this moment; None for never.

    It waits until their quiet hours are over, for the campaign's own hours, and, when they have had enough for a day,
    for their next morning.
    """
    if attention is None:  # they are gone, and so is the address
        return place
    window = campaign.window
    zone = attention.zone if window and window.local else organization.time_zone
    moment = by(TYPES[NotificationKind.CAMPAIGN], Channel.EMAIL, attention, place).at
    for _ in range(TRIES):
        if moment is None:
            break
        fits = after_quiet(attention, _opening(window, zone, moment) or moment)
        if fits == moment:
            return moment
        moment = fits
    return None


def _opening(window: SendingWindow | None, zone: str, moment: datetime) -> datetime | None:
    """When a window opens after a moment at which it is closed; None where it is open, or there is none."""
    if window is None:
        return None
    here = moment.astimezone(ZoneInfo(zone))
    if window.opens <= here.hour < window.closes:
        return None
    day = here if here.hour < window.opens else here + timedelta(days=1)
    return day.replace(hour=window.opens, minute=0, second=0, microsecond=0)
