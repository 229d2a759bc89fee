"""How one wants to be told of things."""

from datetime import datetime

import strawberry

from app import models
from app.core.words import said
from app.schema.kit.fields import computed
from app.schema.kit.nodes import by_class
from app.schema.notifications.channels import Channel
from app.services.notifications import decisions, preferences
from app.services.notifications.preferences import WEEK, Weekday, time_of_day

strawberry.enum(models.Mode, name="DeliveryMode", description="When something comes by a channel.")
strawberry.enum(decisions.Outcome, name="DeliveryOutcome", description="What becomes of a notification on a channel.")
strawberry.enum(Weekday, description="A day of the week.")


@strawberry.type(description="How notifications of a kind come by a channel.")
class NotificationSetting:
    kind: models.NotificationKind
    channel: Channel
    mode: models.Mode

    @computed(description="Who says so, in the language of the request.")
    def reason(row: strawberry.Parent[preferences.Setting]) -> str:
        return said(row.reason)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, preferences.Setting)


@strawberry.type(description="Hours of a weekday in which nothing but what is urgent comes.")
class QuietHours:
    @computed(description="On which they begin.")
    def weekday(row: strawberry.Parent[models.QuietHours]) -> Weekday:
        return WEEK[row.weekday]

    @computed(description="By the clock of one's own time zone.")
    def start(row: strawberry.Parent[models.QuietHours]) -> str:
        return time_of_day(row.start)

    @computed(description="On the next day if it is not after the start.")
    def end(row: strawberry.Parent[models.QuietHours]) -> str:
        return time_of_day(row.end)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.QuietHours)


@strawberry.type(description="How one is told of things, in all organizations; `settings` hold in this one.")
class NotificationPreferences:
    settings: list[NotificationSetting]

    @computed(description="All of the week.")
    def quiet_hours(row: strawberry.Parent[preferences.Preferences]) -> list[QuietHours]:
        return row.row.quiet_hours  # type: ignore[return-value]

    @computed(description="Whose public holidays are quiet.")
    def country(row: strawberry.Parent[preferences.Preferences]) -> str | None:
        return row.row.country

    @computed(description="Other days that are quiet, such as 2026-12-24.")
    def days_off(row: strawberry.Parent[preferences.Preferences]) -> list[str]:
        return row.row.days_off

    @computed(description="When digests come, by the clock of one's own time zone.")
    def digest_at(row: strawberry.Parent[preferences.Preferences]) -> str:
        return time_of_day(row.row.digest_minute)

    @computed(description="On which day weekly digests come.")
    def digest_weekday(row: strawberry.Parent[preferences.Preferences]) -> Weekday:
        return WEEK[row.row.digest_weekday]

    @computed(description="Interruptions by each channel in 24 hours; null for any number.")
    def daily_cap(row: strawberry.Parent[preferences.Preferences]) -> int | None:
        return row.row.daily_cap

    @computed(description="Rises with every edit; give it as `expectedVersion`.")
    def version(row: strawberry.Parent[preferences.Preferences]) -> int:
        return row.row.version

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, preferences.Preferences)


@strawberry.type(description="What holds in the organization for who has chosen nothing.")
class NotificationDefaults:
    settings: list[NotificationSetting]
    version: int

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, preferences.Defaults)


@strawberry.type(description="When, where and why somebody is told of something.")
class DeliveryDecision:
    channel: Channel
    outcome: decisions.Outcome
    at: datetime | None = strawberry.field(description="Null for what never comes by this channel.")

    @computed(description="All that was decisive, in the language of the request.")
    def reasons(row: strawberry.Parent[decisions.Decision]) -> list[str]:
        return [said(reason) for reason in row.reasons]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, decisions.Decision)
