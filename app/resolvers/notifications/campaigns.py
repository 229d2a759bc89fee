import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import connection, mutation, subscription
from app.schema.kit.filters import tree
from app.schema.kit.nodes import key
from app.schema.notifications.campaigns import EVENTS, AudienceFilter, Campaign, CampaignEvent
from app.services.notifications import campaigns
from app.services.notifications.campaigns import CampaignAction

MANAGE = needs(models.Permission.CAMPAIGNS_MANAGE)


@strawberry.type
class Query:
    @connection(Campaign, MANAGE)
    async def campaigns(self, info: Info, page: PageArgs) -> Page[models.Campaign]:
        """The organization's campaigns, the newest first."""
        return await campaigns.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Campaign, MANAGE)
    async def create_campaign(
        self, info: Info, input: campaigns.NewCampaign, audience: AudienceFilter | None = None
    ) -> models.Campaign:
        """Draft an e-mail to the members on whom the filter holds; to all of them without one."""
        return await campaigns.create(info.context.actor, input, tree(audience))

    @mutation(Campaign, MANAGE, fails=(NotFound, Forbidden))
    async def schedule_campaign(self, info: Info, input: campaigns.CampaignSchedule) -> models.Campaign:
        """Let a campaign begin, now or later."""
        return await campaigns.schedule(info.context.actor, input)

    @mutation(Campaign, MANAGE, fails=(NotFound, Forbidden))
    async def pause_campaign(self, info: Info, input: CampaignAction) -> models.Campaign:
        """Send no more of a campaign for now, but for what is under way."""
        return await campaigns.pause(info.context.actor, input)

    @mutation(Campaign, MANAGE, fails=(NotFound, Forbidden))
    async def resume_campaign(self, info: Info, input: CampaignAction) -> models.Campaign:
        """Go on with a campaign where it was paused: nobody gets it twice."""
        return await campaigns.resume(info.context.actor, input)

    @mutation(Campaign, MANAGE, fails=(NotFound, Forbidden))
    async def cancel_campaign(self, info: Info, input: CampaignAction) -> models.Campaign:
        """Send no more of a campaign."""
        return await campaigns.cancel(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(CampaignEvent, MANAGE)
    def campaign_events(self, info: Info, id: strawberry.ID, after: str | None = None) -> Following:
        """How a campaign comes on, after the cursor of an earlier event or from now on."""
        return Following(info.context, campaigns.feed(key(id, Campaign)), after, EVENTS)
