"""When, where and why somebody is told: a pure function of the type, of what they have chosen, and of the moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.calendars import HORIZON, Calendar, Hours
from app.core.words import Words, words
from app.models import Channel, Mode, NotificationKind
from app.services.notifications.types.declaration import AnyType, Importance

DAY = timedelta(days=1)
Choices = Mapping[tuple[NotificationKind, Channel], Mode]


class Outcome(StrEnum):
    """What becomes of a notification on a channel, besides being in the list of all of them."""

    NOW = "now"
    LATER = "later"
    """By itself, once quiet hours are over."""
    DIGEST = "digest"
    """Together with others."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Interruption:
    """That something came by a channel, or is about to."""

    channel: Channel
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attention:
    """All that is known of a person's attention at one moment.

    `quiet` covers the hours in which nothing but what is urgent may come; `past` are the interruptions of the last day.
    """

    zone: str = "UTC"
    own: Choices = field(default_factory=dict)
    organization: Choices = field(default_factory=dict)
    quiet: Calendar | None = None
    digest_minute: int = 480
    digest_weekday: int = 0
    daily_cap: int | None = None
    reachable: frozenset[Channel] = frozenset()
    past: Sequence[Interruption] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a notification on one channel; `at` is the moment, None for NEVER."""

    channel: Channel
    outcome: Outcome
    at: datetime | None
    reasons: tuple[Words, ...]


def decide(type: AnyType, attention: Attention, at: datetime) -> list[Decision]:
    """What becomes of a notification of the type that is made at this moment, on every channel."""
    return [by(type, channel, attention, at) for channel in Channel]


def by(type: AnyType, channel: Channel, attention: Attention, at: datetime) -> Decision:
    """The decision for one channel."""
    mode, reason = chosen(type, channel, attention)
    if mode is Mode.OFF:
        return Decision(channel, Outcome.NEVER, None, (reason,))
    if channel not in attention.reachable:
        return Decision(channel, Outcome.NEVER, None, (reason, words("There is no address for this channel.")))
    reasons = [reason]
    if mode is Mode.IMMEDIATE and type.importance < Importance.URGENT:
        mode = _restrained(type, channel, attention, at, reasons)
    outcome, moment = Outcome.NOW, at
    if mode is not Mode.IMMEDIATE:
        outcome, moment = Outcome.DIGEST, next_digest(mode, attention, at)
    if type.importance < Importance.URGENT and (later := after_quiet(attention, moment)) > moment:
        moment = later
        outcome = Outcome.DIGEST if outcome is Outcome.DIGEST else Outcome.LATER
        reasons.append(words("It waits until quiet hours are over."))
    return Decision(channel, outcome, moment, tuple(reasons))


def next_digest(mode: Mode, attention: Attention, at: datetime) -> datetime:
    """When the next digest of this rhythm is due: on the hour, or in the person's own morning."""
    if mode is Mode.HOURLY:
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    days = range(7) if mode is Mode.DAILY else [attention.digest_weekday]
    start, end = attention.digest_minute, (attention.digest_minute + 60) % (24 * 60)
    window = Calendar(attention.zone, tuple(Hours(day, start, end) for day in days))  # an hour, for one may be skipped
    over = window.leaves(at)
    assert over, "a day has other hours"
    found = window.enters(over)
    assert found, "and a week has each of its hours, if not on every day"
    return found


def after_quiet(attention: Attention, at: datetime) -> datetime:
    """The first moment from this on that is not in quiet hours."""
    return (attention.quiet.leaves(at) or at + HORIZON) if attention.quiet else at


def chosen(type: AnyType, channel: Channel, attention: Attention) -> tuple[Mode, Words]:
    """How it comes by a channel, and who says so."""
    if type.mailed and channel is Channel.EMAIL:
        return Mode.OFF, words("An e-mail of its own tells of it.")
    usual, key = type.channels.get(channel, Mode.OFF), (type.kind, channel)
    if type.importance is Importance.CRITICAL and usual is not Mode.OFF:
        return usual, words("This is too important to be switched off.")
    if (mode := attention.own.get(key)) is not None:
        return mode, words("The person has chosen it.")
    if (mode := attention.organization.get(key)) is not None:
        return mode, words("The organization has chosen it.")
    return usual, words("It is so as long as nobody chooses otherwise.")


def _restrained(type: AnyType, channel: Channel, attention: Attention, at: datetime, reasons: list[Words]) -> Mode:
    """Whether there have been too many: those that are one too many come together."""
    here = [one for one in attention.past if one.channel is channel]
    if throttle := type.throttle:
        alike = sum(one.kind == type.kind and one.at > at - throttle.within for one in here)
        if alike >= throttle.times:
            reasons.append(words("There were {count} of these already: more come together.", count=alike))
            return Mode.HOURLY
    cap = attention.daily_cap
    if cap is not None and (count := sum(one.at > at - DAY for one in here)) >= cap:
        reasons.append(words("There were {count} interruptions in a day: more come together.", count=count))
        return Mode.DAILY
    return Mode.IMMEDIATE
