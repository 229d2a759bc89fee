"""The carriers of messages to chat tools, by webhooks that people make there.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
Teams: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from collections.abc import Mapping
from typing import Any

import orjson

from app.models import Delivery
from app.services.notifications.carrying import Receipt, pace
from app.services.notifications.posts import known, post

PER_MINUTE = 600
MAX_TEXT = 2_000
_JSON = {"content-type": "application/json"}


def slack(content: Mapping[str, Any]) -> dict[str, Any]:
    """A message in Slack's blocks. What Slack would read as a mention or a link is shown as it is."""
    title, text = _escaped(content["title"]), _escaped(content["text"][:MAX_TEXT])
    button = {"type": "button", "text": {"type": "plain_text", "text": "Atrium"}, "url": content["link"]}
    return {
        "text": f"{title}: {text}",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*\n{text}"}},
            {"type": "actions", "elements": [button]},
        ],
    }


def teams(content: Mapping[str, Any]) -> dict[str, Any]:
    """A message with an adaptive card, as workflows of Teams take it."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": _plain(content["title"]), "weight": "Bolder", "wrap": True},
            {"type": "TextBlock", "text": _plain(content["text"][:MAX_TEXT]), "wrap": True},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Atrium", "url": content["link"]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


async def to_slack(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Write to a channel of Slack."""
    return await _post("slack", delivery, slack(content))


async def to_teams(delivery: Delivery, content: Mapping[str, Any]) -> Receipt:
    """Write to a channel of Teams."""
    return await _post("teams", delivery, teams(content))


async def _post(tool: str, delivery: Delivery, message: Mapping[str, Any]) -> Receipt:
    place = await known(delivery)
    await pace(tool, PER_MINUTE)
    return await post(tool, delivery, place["url"], orjson.dumps(message), _JSON)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Text in which a card finds no Markdown (it knows links, emphasis and lists)."""
    return "".join(f"\\{char}" if char in r"\`*_[]()#-" else char for char in text)
