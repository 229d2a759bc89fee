"""NTF-3 to NTF-5: apps, browsers, text messages, Slack and Teams, each by the protocol of its vendor."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from cryptography.hazmat.primitives.asymmetric import ec
from firebase_admin.messaging import _MessagingService
from microsoft_teams.cards import AdaptiveCard, OpenUrlAction, TextBlock
from slack_sdk.models.blocks import Block

from app.core import signals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.destinations import UrlRefused
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import egress, fcm, twilio, web_push
from app.integrations.twilio import Rejected
from app.models import Channel, DeliveryDocument, NotificationAddress, User
from app.models.notifications.deliveries import sealed
from app.services.notifications import addresses, carriers, chats
from app.services.notifications.addresses import AppAddress, BrowserAddress, ChatAddress, ChatTool
from app.services.notifications.carrying import Receipt, Refused
from app.services.notifications.posts import Busy
from tests.factories.organizations import make_member, make_owner
from tests.integrations.serving import serving
from tests.services.notifications.vendors import Browser, Vendors, text, vouched
from tests.twilio import twilio as texting

pytestmark = pytest.mark.usefixtures("documents")

SAID = {"title": "Birch & <School>", "text": "Ada, *look* <!here>!", "link": "https://atrium.example/"}
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def vendors(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vendors]:
    vendors = Vendors()
    signals.connect(redis_url)
    async with serving(vendors.app()) as vendors.url:
        monkeypatch.setenv("FIREBASE_CREDENTIALS", str(vendors.account(tmp_path)))
        monkeypatch.setenv("VAPID_KEY", text(KEY.private_numbers().private_value.to_bytes(32)))
        monkeypatch.setenv("EGRESS_NETWORKS", "127.0.0.0/8")
        monkeypatch.setattr(_MessagingService, "FCM_URL", vendors.url + "/v1/projects/{0}/messages:send")
        _forget()
        yield vendors
    monkeypatch.undo()
    _forget()
    await signals.close()


def _forget() -> None:
    for known in (settings, egress.egress, fcm._app, web_push._sender):
        known.cache_clear()


async def carried(
    address: str, channel: Channel, said: Mapping[str, Any] = SAID, organization_id: ObjectId | None = None
) -> Receipt:
    """Carry what is said to an address."""
    moment = now()
    delivery = DeliveryDocument(
        id=new_id(),
        organization_id=organization_id or new_id(),
        channel=channel,
        kind="mention",
        address=address,
        sealed=sealed(said),
        due_at=moment,
        created_at=moment,
        changed_at=moment,
    )
    return await carriers.CARRIERS[channel](delivery, delivery.content)


async def test_an_app_shows_it_until_it_is_gone(vendors: Vendors) -> None:
    ada = await make_owner()
    added = await addresses.add_app(ada, AppAddress(fid="an-installation", label="Phone"))
    receipt = await carried(str(added.id), Channel.PUSH)
    [message] = vendors.pushed
    assert message["fid"] == "an-installation"
    assert message["notification"] == {"title": SAID["title"], "body": SAID["text"]}
    assert receipt == Receipt("fcm", "projects/demo-atrium/messages/1")
    vendors.status = 404
    with pytest.raises(Refused) as refused:
        await carried(str(added.id), Channel.PUSH)
    assert refused.value.address
    assert await NotificationAddress.lookup(ada, _id=added.id) is None, "nobody tries there again"


async def test_only_the_browser_can_read_it_and_knows_who_has_sent_it(vendors: Vendors) -> None:
    ada, browser = await make_owner(), Browser()
    given = BrowserAddress(endpoint=f"{vendors.url}/hook", **browser.keys)
    added = await addresses.add_browser(ada, given)
    await carried(str(added.id), Channel.WEB_PUSH)
    [(body, headers)] = vendors.posted
    assert SAID["title"].encode() not in body
    assert browser.read(body) == SAID
    assert (headers["content-encoding"], headers["ttl"]) == ("aes128gcm", "86400")
    claims = vouched(headers["authorization"], KEY.public_key())
    assert claims["sub"].startswith("mailto:")
    assert vendors.url.startswith(claims["aud"])
    vendors.status = 429
    with pytest.raises(Busy) as busy:
        await carried(str(added.id), Channel.WEB_PUSH)
    assert busy.value.retry_after == 7
    vendors.status = 410
    with pytest.raises(Refused):
        await carried(str(added.id), Channel.WEB_PUSH)
    assert await addresses.reached(await _user(ada), Channel.WEB_PUSH) == []


async def test_slack_gets_blocks_in_which_nothing_is_a_mention(vendors: Vendors) -> None:
    ada = await make_owner()
    added = await addresses.add_chat(ada, ChatAddress(tool=ChatTool.SLACK, url=f"{vendors.url}/hook"))
    await carried(str(added.id), Channel.SLACK)
    [(_, headers)] = vendors.posted
    assert headers["content-type"] == "application/json"
    message = chats.slack(SAID)
    assert [block.to_dict() for block in Block.parse_all(message["blocks"])] == message["blocks"]
    assert "<" not in message["text"]
    assert "&lt;!here&gt;" in message["text"]


async def test_teams_gets_a_card(vendors: Vendors) -> None:
    ada = await make_owner()
    added = await addresses.add_chat(ada, ChatAddress(tool=ChatTool.TEAMS, url=f"{vendors.url}/hook"))
    await carried(str(added.id), Channel.TEAMS)
    [attachment] = chats.teams(SAID)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    AdaptiveCard.model_validate(card)
    for part, kind in ((card["body"][0], TextBlock), (card["body"][1], TextBlock), (card["actions"][0], OpenUrlAction)):
        assert kind.model_validate(part).model_dump(by_alias=True, exclude_unset=True) == part
    assert card["body"][1]["text"] == "Ada, \\*look\\* <!here>!"
    for status, error in ((400, Refused), (500, ConnectionError)):
        vendors.status = status
        with pytest.raises(error):
            await carried(str(added.id), Channel.TEAMS)


async def test_a_text_message_is_short_and_there_are_only_so_many(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = Outside("twilio of a test", timeout=15, concurrency=8, refusals=(Rejected,))
    monkeypatch.setattr(twilio, "SERVER", outside)
    async with texting() as server:
        for name, value in {**server.environment, "TEXTS_PER_ORGANIZATION": "2"}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        long, number, organization = {**SAID, "text": "word " * 100}, "+4915123456789", new_id()
        assert (await carried(number, Channel.SMS, long, organization)).provider == "twilio"
        assert len(server.messages[0]["Body"]) <= 134
        server.stopped.add(number)
        with pytest.raises(Refused) as refused:
            await carried(number, Channel.SMS, SAID, organization)
        assert refused.value.address, "its owner has told Twilio to stop"
        with pytest.raises(Refused, match="as many"):
            await carried("+4915123456780", Channel.SMS, SAID, organization)


async def test_an_address_is_one_person_s_and_not_inside(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await make_owner()
    assert ada.organization_id
    grace = await make_member(ada.organization_id)
    given = AppAddress(fid="a-shared-phone")
    first = await addresses.add_app(ada, given)
    assert (await addresses.add_app(ada, given)).id == first.id, "once is enough"
    await addresses.add_app(grace, given)
    assert await NotificationAddress.lookup(ada, _id=first.id) is None
    monkeypatch.delenv("EGRESS_NETWORKS")
    _forget()
    with pytest.raises(UrlRefused):
        await addresses.add_chat(ada, ChatAddress(tool=ChatTool.SLACK, url="https://127.0.0.1/hook"))


async def _user(actor: Actor) -> User:
    found = await User.lookup(actor, _id=actor.user_id)
    assert found
    return found
