"""Campaigns, as people choose how and when they come; they are in no list."""

from app.models import Channel, Mode, NotificationKind
from app.models.notifications.events import CampaignMoved
from app.services.notifications.types.declaration import NotificationType, nobody

CAMPAIGN = NotificationType(NotificationKind.CAMPAIGN, CampaignMoved, nobody, channels={Channel.EMAIL: Mode.IMMEDIATE})
