"""Campaigns: an e-mail to the members on whom a filter holds, at the pace of the provider, once to each.

    draft -> scheduled -> sending -> sent
                     '-> paused <-' '-> cancelled

A pause cancels what is queued, and a resumption revives exactly that. How e-mails are asked for: `campaign_batches`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment, Ref
from app.core.errors import Conflict, Invalid, NotFound
from app.core.feeds import Feed
from app.core.filters import Filterable, Tree
from app.core.machines import Machine, Transition, needs, only_platform
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.core.words import words
from app.models import (
    Campaign,
    CampaignDocument,
    CampaignResults,
    CampaignState,
    Delivery,
    DeliveryState,
    EmailTemplate,
    Permission,
    TemplateState,
)
from app.models.notifications import campaigns as stored
from app.models.notifications.events import CampaignBatchDue, CampaignMoved
from app.services.notifications import templates

FILTERABLE = Filterable(frozenset({"id", "name", "locale", "time_zone", "created_at", "last_seen_at"}))
PLATFORM = Actor.platform()
PAUSE = "paused"
"""The reason of deliveries that a pause has cancelled: a resumption revives exactly these."""

DRAFT, SCHEDULED, SENDING = CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.SENDING
PAUSED, SENT, CANCELLED = CampaignState.PAUSED, CampaignState.SENT, CampaignState.CANCELLED


_managing = needs(Permission.CAMPAIGNS_MANAGE)

CAMPAIGN = Machine(
    Transition("schedule", frozenset({DRAFT}), SCHEDULED, _managing),
    Transition("begin", frozenset({SCHEDULED}), SENDING, only_platform),
    Transition("pause", frozenset({SCHEDULED, SENDING}), PAUSED, _managing),
    Transition("resume", frozenset({PAUSED}), SENDING, _managing),
    Transition("finish", frozenset({SENDING}), SENT, only_platform),
    Transition("cancel", frozenset({DRAFT, SCHEDULED, SENDING, PAUSED}), CANCELLED, _managing),
)


class NoTemplate(Conflict):
    """Nothing is published under the campaign's key."""

    code = "NO_TEMPLATE"


class NewCampaign(Command):
    """An e-mail to members: by which template, and at which hours."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    template_key: templates.Key
    window_opens: Annotated[int | None, Field(ge=0, le=23, description="From which hour on.")] = None
    window_closes: Annotated[int | None, Field(ge=1, le=24, description="Before which hour.")] = None
    window_local: Annotated[
        bool, Field(description="Whether these are hours of each receiver's own time zone, not the organization's.")
    ] = False

    @model_validator(mode="after")
    def _whole(self) -> "NewCampaign":
        if (self.window_opens is None) != (self.window_closes is None) or (
            self.window_opens is not None and self.window_closes is not None and self.window_opens >= self.window_closes
        ):
            raise ValueError(words("A sending window opens before it closes."))
        return self


class CampaignSchedule(Command):
    """When a campaign begins: now, when nothing is said."""

    campaign_id: Annotated[ObjectId, Ref("Campaign")]
    starts_at: Moment | None = None


class CampaignAction(Command):
    """A campaign."""

    campaign_id: Annotated[ObjectId, Ref("Campaign")]


@dataclass(frozen=True)
class CampaignFeed(Feed):
    """What happens to a campaign, for who sees it."""

    id: ObjectId

    async def admit(self, actor: Actor) -> None:
        if await Campaign.lookup(actor, _id=self.id, fields=frozenset()) is None:
            raise NotFound("There is no such {kind}.", kind="Campaign")


def feed(id: ObjectId) -> CampaignFeed:
    """The feed of a campaign."""
    return CampaignFeed((f"m:{id}",), id)


async def find(actor: Actor, id: ObjectId) -> Campaign | None:
    return await Campaign.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Campaign]:
    """The organization's campaigns."""
    return await Campaign.page(actor, page)


async def results(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, CampaignResults]:
    """How many of the campaigns' e-mails came how far."""
    return await stored.results(actor, ids)


async def create(actor: Actor, given: NewCampaign, audience: Tree | None) -> Campaign:
    """Store a draft, for the members on whom the filter holds. Raises Invalid for a filter that is none."""
    assert actor.user_id
    assert actor.organization_id
    FILTERABLE.check(audience or {})
    window = None
    if given.window_opens is not None and given.window_closes is not None:
        window = stored.SendingWindow(given.window_opens, given.window_closes, given.window_local)
    moment = now()
    made = CampaignDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        name=given.name,
        template=given.template_key,
        audience=dict(audience or {}),
        window=window,
        created_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )
    return await changes.insert(made, CampaignMoved(actor, campaign=made.id, state=DRAFT.value))


@changes.atomic
async def schedule(actor: Actor, given: CampaignSchedule) -> Campaign:
    """Let it begin. Raises NotFound, IllegalTransition or NoTemplate."""
    campaign = await _there(actor, given.campaign_id)
    where = {"key": campaign.template, "state": TemplateState.PUBLISHED.value}
    if await EmailTemplate.lookup(actor, where, fields=frozenset()) is None:
        raise NoTemplate("Nothing is published under {key}.", key=campaign.template)
    starts_at = max(now(), given.starts_at or now())
    if starts_at > now() + timedelta(days=366):
        raise Invalid("A campaign begins within a year.", path=["input", "startsAt"])
    return await move(actor, campaign, "schedule", due=starts_at, starts_at=starts_at)


@changes.atomic
async def pause(actor: Actor, given: CampaignAction) -> Campaign:
    """Send no more of it for now, but for what is under way. Raises NotFound or IllegalTransition."""
    campaign = await move(actor, await _there(actor, given.campaign_id), "pause")
    await _stop(campaign)
    return campaign


async def resume(actor: Actor, given: CampaignAction) -> Campaign:
    """Go on where it was paused. Raises NotFound or IllegalTransition."""
    campaign = await _there(actor, given.campaign_id)
    return await move(actor, campaign, "resume", due=max(now(), campaign.starts_at or now()), paced_until=None)


@changes.atomic
async def cancel(actor: Actor, given: CampaignAction) -> Campaign:
    """Send no more of it. Raises NotFound or IllegalTransition."""
    campaign = await move(actor, await _there(actor, given.campaign_id), "cancel")
    await _stop(campaign)
    return campaign


async def _stop(campaign: Campaign) -> None:
    where = {"campaign_id": campaign.id, "state": DeliveryState.QUEUED.value}
    reason = PAUSE if campaign.state is PAUSED else ""
    set = {"state": DeliveryState.CANCELLED.value, "reason": reason, "changed_at": now()}
    await changes.change_all(Delivery, Delivery.within(Actor.platform(campaign.organization_id), where), {"$set": set})


async def _there(actor: Actor, id: ObjectId) -> Campaign:
    campaign = await Campaign.lookup(actor, _id=id)
    if campaign is None:
        raise NotFound("There is no such {kind}.", kind="Campaign", path=["input", "campaignId"])
    return campaign


async def move(actor: Actor, campaign: Campaign, name: str, *, due: datetime | None = None, **set: Any) -> Campaign:
    """Take a transition, and with `due` let a batch be made then; a batch that was due before is nobody's any more."""
    target = CAMPAIGN.transitions[name].target
    told: list[Any] = [CampaignMoved(actor, campaign=campaign.id, state=target.value)]
    if due is not None:
        set["turn"] = campaign.turn + 1
        told.append(CampaignBatchDue(actor, campaign=campaign.id, turn=campaign.turn + 1, due=due))
    where = {"organization_id": campaign.organization_id, "turn": campaign.turn}
    return await CAMPAIGN.move(actor, campaign, name, *told, where=where, **set)
