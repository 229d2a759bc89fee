"""How people want to be told of things, and how organizations think they should be."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import AfterValidator, Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.calendars import ALL_DAY, Calendar, Hours
from app.core.clock import new_id
from app.core.commands import Command
from app.core.rows import Value
from app.core.words import Words
from app.models import (
    Channel,
    Mode,
    NotificationDefaults,
    NotificationDefaultsDocument,
    NotificationKind,
    NotificationPreferences,
    NotificationPreferencesDocument,
)
from app.models.notifications.events import NotificationDefaultsChanged, NotificationPreferencesChanged
from app.models.notifications.preferences import Choice, QuietHours
from app.services.notifications.decisions import Attention, Choices, chosen
from app.services.notifications.types.registry import TYPES

PLATFORM = Actor.platform()
MAX_INTERVALS = 50
MAX_DAYS_OFF = 100
_ANY = datetime(2026, 1, 1, tzinfo=UTC)


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEK = list(Weekday)


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("There is no such day: give it as 2026-12-24.") from None


def _country(value: str) -> str:
    try:
        Calendar("UTC", country=value)
    except ValueError:
        raise ValueError("The holidays of this country are not known: give its code, such as DE or DE-BY.") from None
    return value


TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="By 24 hours, such as 07:30.")]
Day = Annotated[str, Field(min_length=10, max_length=10), AfterValidator(_day)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), AfterValidator(_country)]


class ChannelChoice(Command):
    """How notifications of a kind are to come by a channel; without a mode, as if nothing had been chosen."""

    kind: NotificationKind
    channel: Channel
    mode: Mode | None = None


class QuietInterval(Command):
    """An interval of a weekday; one that ends before it begins, or when it begins, goes on after midnight."""

    weekday: Weekday
    start: TimeOfDay
    end: TimeOfDay

    @property
    def stored(self) -> QuietHours:
        return QuietHours(WEEK.index(self.weekday), minutes(self.start), minutes(self.end))


ManyChoices = Annotated[list[ChannelChoice], Field(max_length=200)]


class PreferencesEdit(Command):
    """What to change of how one is told of things; what is left out stays."""

    choices: ManyChoices = Field(default=[], description="What is not named here stays as it is.")
    quiet_hours: Annotated[
        list[QuietInterval] | None,
        Field(max_length=MAX_INTERVALS, description="All of them, by the clock of one's own time zone."),
    ] = None
    country: Annotated[
        Country | None, Field(description="Whose public holidays are quiet: DE, or DE-BY; null for none.")
    ] = None
    days_off: Annotated[
        list[Day] | None, Field(max_length=MAX_DAYS_OFF, description="All days that are quiet, such as 2026-12-24.")
    ] = None
    digest_at: Annotated[TimeOfDay | None, Field(description="When digests come.")] = None
    digest_weekday: Annotated[Weekday | None, Field(description="On which weekly ones come.")] = None
    daily_cap: Annotated[
        int | None, Field(ge=0, le=1_000, description="Interruptions by each channel in 24 hours; null for any number.")
    ] = None
    expected_version: int | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        hours = (one.stored for one in self.quiet_hours or ())
        if Calendar("UTC", tuple(Hours(one.weekday, one.start, one.end) for one in hours)).leaves(_ANY) is None:
            raise ValueError("Quiet hours must leave some hours of the week.")
        return self


class DefaultsEdit(Command):
    """What holds for those of the organization who have chosen nothing else."""

    choices: ManyChoices
    expected_version: int | None = None


@dataclass(slots=True)
class Setting(Value):
    """How notifications of a kind come by a channel, and who says so."""

    kind: NotificationKind
    channel: Channel
    mode: Mode
    reason: Words


@dataclass(slots=True)
class Preferences(Value):
    """What somebody has chosen, and what holds for them."""

    row: NotificationPreferences
    usual: list[Choice]
    """The organization's."""

    @property
    def settings(self) -> list[Setting]:
        return _settings(self.row.choices, self.usual)


@dataclass(slots=True)
class Defaults(Value):
    """What holds in an organization for who has chosen nothing."""

    choices: list[Choice]
    version: int

    @property
    def settings(self) -> list[Setting]:
        return _settings((), self.choices)


def minutes(time: str) -> int:
    """Minutes after midnight."""
    hours, _, rest = time.partition(":")
    return int(hours) * 60 + int(rest)


def time_of_day(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


async def mine(actor: Actor) -> Preferences:
    """The actor's own, in their organization."""
    assert actor.user_id
    assert actor.organization_id
    chosen, usual = await of_people([actor.user_id]), await of_organization(actor.organization_id)
    return Preferences(chosen[actor.user_id], usual.choices)


async def defaults(actor: Actor) -> Defaults:
    """The organization's."""
    assert actor.organization_id
    row = await of_organization(actor.organization_id)
    return Defaults(row.choices, row.version)


async def of_people(user_ids: Collection[ObjectId]) -> Mapping[ObjectId, NotificationPreferences]:
    """What each of these people has chosen; as it begins for who never has."""
    rows = await NotificationPreferences.select(PLATFORM, {"user_id": {"$in": list(user_ids)}})
    found = {row.user_id: row for row in rows}
    return {id: found.get(id) or NotificationPreferencesDocument(id=new_id(), user_id=id) for id in user_ids}


async def of_organization(id: ObjectId) -> NotificationDefaults:
    """What an organization has chosen; as it begins if it never has."""
    found = await NotificationDefaults.lookup(Actor.platform(id))
    return found or NotificationDefaultsDocument(id=new_id(), organization_id=id)


@changes.atomic
async def edit(actor: Actor, given: PreferencesEdit) -> Preferences:
    """Change how one is told of things. Raises VersionConflict."""
    assert actor.user_id
    where = NotificationPreferences.within(actor)
    made = NotificationPreferencesDocument(id=new_id(), user_id=actor.user_id)
    row, _ = await changes.insert_once(made, where)
    sent = given.model_fields_set
    set: dict[str, Any] = {"choices": _merged(row.choices, given.choices)}
    if given.quiet_hours is not None:
        set["quiet_hours"] = [asdict(one.stored) for one in given.quiet_hours]
    if given.days_off is not None:
        set["days_off"] = sorted({*given.days_off})
    if given.digest_at is not None:
        set["digest_minute"] = minutes(given.digest_at)
    if given.digest_weekday is not None:
        set["digest_weekday"] = WEEK.index(given.digest_weekday)
    set |= {name: getattr(given, name) for name in ("country", "daily_cap") if name in sent}
    told = NotificationPreferencesChanged(actor, user=actor.user_id)
    await changes.edit(NotificationPreferences, where, set, told, expected_version=given.expected_version)
    return await mine(actor)


@changes.atomic
async def edit_defaults(actor: Actor, given: DefaultsEdit) -> Defaults:
    """Change what holds in the organization. Raises VersionConflict."""
    assert actor.organization_id
    where = NotificationDefaults.within(actor)
    made = NotificationDefaultsDocument(id=new_id(), organization_id=actor.organization_id)
    row, _ = await changes.insert_once(made, where)
    set = {"choices": _merged(row.choices, given.choices)}
    told = NotificationDefaultsChanged(actor, organization=actor.organization_id)
    await changes.edit(NotificationDefaults, where, set, told, expected_version=given.expected_version)
    return await defaults(actor)


def quiet(row: NotificationPreferences, zone: str) -> Calendar | None:
    """When a person in this time zone is not to be interrupted; None for one who has not said."""
    if not (row.quiet_hours or row.country or row.days_off):
        return None
    hours = tuple(Hours(one.weekday, one.start, one.end) for one in row.quiet_hours)
    days = frozenset(date.fromisoformat(day) for day in row.days_off)
    return Calendar(zone, hours, row.country, days, ALL_DAY)


def by_key(choices: Iterable[Choice]) -> Choices:
    return {(one.kind, one.channel): one.mode for one in choices}


def _settings(own: Iterable[Choice], organization: Iterable[Choice]) -> list[Setting]:
    attention = Attention(own=by_key(own), organization=by_key(organization))
    return [
        Setting(type.kind, channel, *chosen(type, channel, attention)) for type in TYPES.values() for channel in Channel
    ]


def _merged(choices: Sequence[Choice], given: Sequence[ChannelChoice]) -> list[dict[str, Any]]:
    """What is chosen when these are chosen as well."""
    found = {**by_key(choices), **{(one.kind, one.channel): one.mode for one in given}}
    return [
        {"kind": kind.value, "channel": channel.value, "mode": mode.value}
        for (kind, channel), mode in found.items()
        if mode is not None
    ]
