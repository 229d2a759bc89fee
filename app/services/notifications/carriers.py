"""The carrier of each channel."""

from collections.abc import Mapping

from app.models import Channel
from app.services.notifications import chats, mail, pushes, texts
from app.services.notifications.carrying import Carrier

CARRIERS: Mapping[Channel, Carrier] = {
    Channel.EMAIL: mail.carry,
    Channel.PUSH: pushes.to_app,
    Channel.WEB_PUSH: pushes.to_browser,
    Channel.SMS: texts.carry,
    Channel.SLACK: chats.to_slack,
    Channel.TEAMS: chats.to_teams,
}
