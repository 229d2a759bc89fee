"""NTF-6: when, where and why: nothing that can wait comes in quiet hours, and nothing is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.calendars import ALL_DAY, Calendar, Hours
from app.models import Channel, Mode, NotificationKind
from app.models.messaging.events import MessageSent
from app.services.notifications.decisions import Attention, Decision, Interruption, Outcome, by, decide
from app.services.notifications.types.declaration import Importance, NotificationType, Throttle
from tests.factories.calendars import ZONES, calendars, moments

KIND, EVERYWHERE = NotificationKind.MENTION, frozenset(Channel)
NOON = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)


async def _nobody(told: Any) -> list[Any]:
    return []


def declared(**given: Any) -> NotificationType[MessageSent]:
    return NotificationType(KIND, MessageSent, _nobody, **given)


channels, modes = st.sampled_from(Channel), st.sampled_from(Mode)
choices = st.dictionaries(st.tuples(st.just(KIND), channels), modes)
types = st.builds(
    declared,
    channels=st.dictionaries(channels, modes),
    importance=st.sampled_from(Importance),
    throttle=st.none() | st.builds(Throttle, st.integers(1, 3), st.timedeltas(timedelta(minutes=1), timedelta(days=1))),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[datetime, Attention]:
    at = draw(moments)
    past = st.builds(
        Interruption,
        channels,
        st.sampled_from(["mention", "digest"]),
        st.timedeltas(timedelta(0), timedelta(days=1)).map(lambda ago: at - ago),
    )
    attention = st.builds(
        Attention,
        zone=st.sampled_from(ZONES),
        own=choices,
        organization=choices,
        quiet=st.none() | calendars.filter(lambda one: one.leaves(at) is not None),
        digest_minute=st.integers(0, 1_439),
        digest_weekday=st.integers(0, 6),
        daily_cap=st.none() | st.integers(0, 3),
        reachable=st.frozensets(channels),
        past=st.lists(past, max_size=8),
    )
    return at, draw(attention)


@settings(max_examples=150, deadline=None)
@given(types, situations())
def test_nothing_that_can_wait_comes_in_quiet_hours_and_nothing_is_lost(
    type: NotificationType[MessageSent], situation: tuple[datetime, Attention]
) -> None:
    at, attention = situation
    for decision in decide(type, attention, at):
        usual = type.channels.get(decision.channel, Mode.OFF)
        mode = attention.own.get((KIND, decision.channel), attention.organization.get((KIND, decision.channel), usual))
        critical = type.importance is Importance.CRITICAL and usual is not Mode.OFF
        wanted = critical or mode is not Mode.OFF
        assert (decision.outcome is Outcome.NEVER) is not (wanted and decision.channel in attention.reachable)
        assert decision.reasons
        if decision.at is None:
            assert decision.outcome is Outcome.NEVER
            continue
        assert decision.at >= at
        assert (decision.outcome is Outcome.NOW) is not (decision.at > at or decision.outcome is Outcome.DIGEST)
        if type.importance is Importance.NORMAL and attention.quiet:
            assert not attention.quiet.covers(decision.at)


def decided(attention: Attention, at: datetime = NOON, **given: Any) -> Decision:
    return by(declared(**given), Channel.PUSH, replace(attention, reachable=EVERYWHERE), at)


def test_a_person_s_choice_comes_before_the_organization_s_and_both_before_what_is_usual() -> None:
    off, daily = {(KIND, Channel.PUSH): Mode.OFF}, {(KIND, Channel.PUSH): Mode.DAILY}
    assert decided(Attention()).outcome is Outcome.NOW
    assert decided(Attention(organization=daily)).outcome is Outcome.DIGEST
    assert decided(Attention(own=off, organization=daily)).outcome is Outcome.NEVER
    assert decided(Attention(own=off), importance=Importance.CRITICAL).outcome is Outcome.NOW


def test_a_digest_comes_in_the_morning_of_the_person() -> None:
    daily = Attention(zone="America/New_York", own={(KIND, Channel.PUSH): Mode.DAILY}, digest_minute=450)
    assert decided(daily).at == datetime(2026, 3, 28, 11, 30, tzinfo=UTC)
    weekly = Attention(zone="Europe/Berlin", own={(KIND, Channel.PUSH): Mode.WEEKLY}, digest_weekday=6)
    assert decided(weekly).at == datetime(2026, 3, 29, 6, 0, tzinfo=UTC), "at eight, whatever the clock did that night"
    skipped = replace(daily, zone="Europe/Berlin", digest_minute=150)
    saturday = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    assert decided(skipped, saturday).at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "half past two was skipped"


def test_what_is_too_much_comes_together() -> None:
    past = [Interruption(Channel.PUSH, "mention", NOON - timedelta(minutes=minute)) for minute in (1, 2, 90)]
    throttle = Throttle(2, timedelta(hours=1))
    assert decided(Attention(past=past), throttle=Throttle(3, timedelta(hours=1))).outcome is Outcome.NOW
    held = decided(Attention(past=past), throttle=throttle)
    assert (held.outcome, held.at) == (Outcome.DIGEST, NOON + timedelta(hours=1))
    assert decided(Attention(past=past), throttle=throttle, importance=Importance.URGENT).outcome is Outcome.NOW
    others = [Interruption(Channel.PUSH, "campaign", NOON - timedelta(hours=hour)) for hour in (1, 2, 25)]
    assert decided(Attention(past=others, daily_cap=3)).outcome is Outcome.NOW
    assert decided(Attention(past=others, daily_cap=2)).outcome is Outcome.DIGEST, "whatever they were about"


@pytest.mark.parametrize("importance", Importance)
def test_only_what_is_urgent_comes_in_quiet_hours(importance: Importance) -> None:
    night = Calendar("UTC", (Hours(4, 0, 1_380),), None, frozenset(), ALL_DAY)
    found = decided(Attention(quiet=night), importance=importance)
    assert found.outcome is (Outcome.NOW if importance else Outcome.LATER)
    assert found.at == (NOON if importance else datetime(2026, 3, 27, 23, 0, tzinfo=UTC))
