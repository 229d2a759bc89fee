from datetime import datetime
from typing import Any, ClassVar

import strawberry
from strawberry import UNSET

from app import models
from app.core.changes import Event
from app.models.notifications import events
from app.schema.identity.users import User
from app.schema.kit.feeds import FeedEvent, feed_cursor, told
from app.schema.kit.fields import batched, edge
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.notifications import campaigns
from app.services.notifications.campaigns import CAMPAIGN

strawberry.enum(models.CampaignState, description="How far a campaign has come.")


@strawberry.type(description="The hours of the day in which a campaign sends.")
class SendingWindow:
    opens: int
    closes: int
    local: bool = strawberry.field(description="Whether by each receiver's own clock, and not the organization's.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.SendingWindow)


@strawberry.type(description="How many of a campaign's e-mails are where; each counts once, opened and clicked apart.")
class CampaignResults:
    queued: int
    sending: int
    sent: int
    delivered: int
    bounced: int
    complained: int
    failed: int
    suppressed: int
    cancelled: int
    opened: int = strawberry.field(description="Of those only whose receivers have agreed that it is noticed.")
    clicked: int

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.CampaignResults)


@strawberry.type(description="An e-mail to the members on whom a filter holds.")
class Campaign(Node):
    model = models.Campaign

    name: str
    template_key: str = strawberry.field(
        resolver=lambda root: root.template, metadata={"reads": ("template",), "personal": False}
    )
    state: models.CampaignState
    window: SendingWindow | None
    starts_at: datetime | None
    made: int = strawberry.field(description="How many e-mails were asked for so far.")
    results: CampaignResults = batched(campaigns.results, description="What became of them so far.")
    created_by: User | None = edge(models.User, by="created_by_id")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(CAMPAIGN)
    cursor: str = feed_cursor("m")


@strawberry.input(description="Which members; all that is given must hold.")
class AudienceFilter:
    id: IdFilter | None = refers(User)
    name: StringFilter | None = UNSET
    locale: StringFilter | None = UNSET
    time_zone: StringFilter | None = UNSET
    created_at: DateTimeFilter | None = UNSET
    last_seen_at: DateTimeFilter | None = UNSET
    and_: list["AudienceFilter"] | None = combined("and")
    or_: list["AudienceFilter"] | None = combined("or")
    not_: "AudienceFilter | None" = combined("not")


@strawberry.interface(description="Something that happened to a campaign.")
class CampaignEvent(FeedEvent):
    event: ClassVar[type[Event]]


@strawberry.type(description="A campaign came to another state.")
class CampaignMoved(CampaignEvent):
    event = events.CampaignMoved
    campaign: Campaign | None = told(models.Campaign, by="campaign")


@strawberry.type(description="More of a campaign's e-mails are on their way.")
class CampaignProgressed(CampaignEvent):
    event = events.CampaignBatchDue
    campaign: Campaign | None = told(models.Campaign, by="campaign")


EVENTS: list[Any] = [CampaignMoved, CampaignProgressed]
