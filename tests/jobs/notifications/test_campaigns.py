"""Campaigns, batch by batch: at which hours, whose turn it is, and what a pause leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core import changes, clock, database
from app.core.actor import Actor
from app.core.clock import now
from app.core.settings import settings
from app.models import Campaign, Channel, Mode, NotificationKind, Role
from app.models.notifications.events import CampaignBatchDue
from app.services.identity import users
from app.services.notifications import campaign_batches, campaigns, preferences, templates
from app.services.notifications.campaigns import CampaignAction, CampaignSchedule, NewCampaign
from app.services.notifications.preferences import PreferencesEdit, QuietInterval, Weekday
from tests.factories.organizations import make_member, make_owner


def at(monkeypatch: pytest.MonkeyPatch, days: int, hour: int) -> datetime:
    """Let it be an hour of a day from today on: rows of long ago would be deleted meanwhile."""
    moment = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)
    monkeypatch.setattr(clock, "source", moment.timestamp)
    return moment


async def advance(actor: Actor, campaign: Campaign, turn: int) -> tuple[int, int]:
    """The turn after a batch, and how many deliveries are queued then."""
    inside = Actor.platform(actor.organization_id)
    await campaign_batches.advance(CampaignBatchDue(inside, campaign=campaign.id, turn=turn, due=now()))
    return (await Campaign.require(actor, campaign.id)).turn, len(await deliveries("queued"))


async def ready(owner: Actor, **given: Any) -> Campaign:
    """A campaign that begins."""
    news = {"key": "news", "locale": "en", "subject": "News", "body": "{{ greeting }}"}
    draft = await templates.keep(owner, templates.TemplateDraft.model_validate(news))
    await templates.publish(owner, templates.TemplateAction(template_id=draft.id))
    campaign = await campaigns.create(owner, NewCampaign(name="News", template_key="news", **given), None)
    await campaigns.schedule(owner, CampaignSchedule(campaign_id=campaign.id))
    return campaign


async def deliveries(state: str) -> set[Any]:
    return {row["_id"] async for row in database.collection("deliveries").find({"state": state})}


async def test_a_campaign_keeps_its_hours_and_makes_nothing_twice(
    empty: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 0, 20)
    owner = await make_owner()
    assert owner.organization_id
    for _ in range(3):
        await make_member(owner.organization_id, Role.MEMBER)
    campaign = await ready(owner, window_opens=9, window_closes=17)
    events: list[changes.Event] = []
    with changes.listening(events.append):
        assert await advance(owner, campaign, 1) == (2, 0)
    opens = at(monkeypatch, 1, 9)
    assert [event.due for event in events if isinstance(event, CampaignBatchDue)] == [opens]
    assert await advance(owner, campaign, 2) == (3, 4)
    assert await advance(owner, campaign, 2) == (3, 4), "a batch that comes again is nobody's"
    made = await deliveries("queued")
    action = CampaignAction(campaign_id=campaign.id)
    await campaigns.pause(owner, action)
    assert await advance(owner, campaign, 3) == (3, 0)
    assert await deliveries("cancelled") == made
    await campaigns.resume(owner, action)
    assert await advance(owner, campaign, 4) == (5, 4)
    assert await deliveries("queued") == made
    assert await advance(owner, campaign, 5) == (6, 4)
    await database.collection("deliveries").update_many({}, {"$set": {"state": "sent"}})
    assert await advance(owner, campaign, 6) == (6, 0)
    assert (await Campaign.require(owner, campaign.id)).state == "sent"


async def test_who_wants_no_campaigns_gets_none_and_others_have_theirs_when_it_suits_them(
    empty: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning = at(monkeypatch, 0, 10)
    owner = await make_owner()
    assert owner.organization_id
    off, sleeping, never, enough = [await make_member(owner.organization_id, Role.MEMBER) for _ in range(4)]
    email = {"kind": NotificationKind.CAMPAIGN, "channel": Channel.EMAIL}
    await choose(off, choices=[{**email, "mode": Mode.OFF}])
    await choose(sleeping, quiet_hours=every_day("08:00", "15:30"))
    await choose(never, quiet_hours=every_day("08:00", "20:00"))
    await choose(enough, daily_cap=0, digest_at="07:30")
    campaign = await ready(owner, window_opens=9, window_closes=17)
    assert await advance(owner, campaign, 1) == (2, 3)
    rows = {row["user_id"]: row async for row in database.collection("deliveries").find()}
    assert {id for id, row in rows.items() if row["state"] == "suppressed"} == {off.user_id, never.user_id}
    assert {row["reason"] for row in rows.values() if row["state"] == "suppressed"} == {"switched_off"}
    tomorrow = morning + timedelta(days=1)
    assert rows[owner.user_id]["due_at"] < morning + timedelta(minutes=1)
    assert rows[sleeping.user_id]["due_at"] == morning.replace(hour=15, minute=30)
    assert rows[enough.user_id]["due_at"] == tomorrow.replace(hour=9), "after their morning, in the campaign's hours"
    for turn in (2, 3):  # nobody else is waiting, and the campaign with them until the last has it
        assert await advance(owner, campaign, turn) == (turn + 1, 3)
    action = CampaignAction(campaign_id=campaign.id)
    await campaigns.pause(owner, action)
    await choose(sleeping, choices=[{**email, "mode": Mode.OFF}])
    await campaigns.resume(owner, action)
    assert await advance(owner, campaign, 5) == (6, 2)


async def test_hours_may_be_those_of_each_receiver(empty: object, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = at(monkeypatch, 0, 12)
    owner = await make_owner()
    assert owner.organization_id
    people = {zone: await make_member(owner.organization_id) for zone in ("Asia/Kolkata", "America/Lima", "Asia/Tokyo")}
    for zone, person in people.items():
        await users.edit(person, users.ProfileEdit.model_validate({"time_zone": zone}))
    campaign = await ready(owner, window_opens=9, window_closes=19, window_local=True)
    await advance(owner, campaign, 1)
    rows = {row["user_id"]: row["due_at"] async for row in database.collection("deliveries").find()}
    minute = timedelta(minutes=1)
    assert rows[owner.user_id] - noon < minute
    assert rows[people["Asia/Kolkata"].user_id] - noon < minute, "17:30 there"
    assert rows[people["America/Lima"].user_id] == noon.replace(hour=14), "9:00 there"
    assert rows[people["Asia/Tokyo"].user_id] == noon + timedelta(hours=12), "9:00 of the next day there"


async def test_campaigns_of_all_organizations_share_the_rate_of_the_provider(
    empty: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = at(monkeypatch, 0, 10)
    owners = [await make_owner(), await make_owner()]
    for owner in owners:
        await advance(owner, await ready(owner), 1)
    rows = [row["due_at"] async for row in database.collection("deliveries").find().sort("due_at", 1)]
    gap = timedelta(seconds=60 / (settings().mail_per_minute * campaign_batches.PART))
    assert rows[0] == moment
    assert abs(rows[1] - rows[0] - gap) < timedelta(milliseconds=2)


async def choose(person: Actor, **given: Any) -> None:
    await preferences.edit(person, PreferencesEdit.model_validate(given))


def every_day(start: str, end: str) -> list[QuietInterval]:
    return [QuietInterval(weekday=day, start=start, end=end) for day in Weekday]
