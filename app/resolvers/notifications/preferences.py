from collections.abc import Sequence
from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.kit.filters import in_utc
from app.schema.kit.nodes import key
from app.schema.notifications.preferences import DeliveryDecision, NotificationDefaults, NotificationPreferences
from app.services.notifications import attention, decisions, preferences


@strawberry.type
class Query:
    @query(NotificationPreferences, member())
    async def notification_preferences(self, info: Info) -> preferences.Preferences:
        """How one is told of things."""
        return await preferences.mine(info.context.actor)

    @query(NotificationDefaults, member())
    async def notification_defaults(self, info: Info) -> preferences.Defaults:
        """How people in the organization are told of things as long as they have chosen nothing else."""
        return await preferences.defaults(info.context.actor)

    @query(list[DeliveryDecision], member())
    async def preview_delivery(
        self,
        info: Info,
        kind: models.NotificationKind,
        user_id: strawberry.ID | None = None,
        at: datetime | None = None,
    ) -> Sequence[decisions.Decision]:
        """When, where and why one would be told of something that happens at a moment, or now.

        Who may manage members is told it of others.
        """
        moment = in_utc(at, ["at"]) if at else None
        return await attention.preview(info.context.actor, key(user_id, User) if user_id else None, kind, moment)


@strawberry.type
class Mutation:
    @mutation(NotificationPreferences, member())
    async def update_notification_preferences(
        self, info: Info, input: preferences.PreferencesEdit
    ) -> preferences.Preferences:
        """Change how one is told of things."""
        return await preferences.edit(info.context.actor, input)

    @mutation(NotificationDefaults, needs(models.Permission.ORGANIZATION_UPDATE))
    async def update_notification_defaults(self, info: Info, input: preferences.DefaultsEdit) -> preferences.Defaults:
        """Change how people in the organization are told of things as long as they have chosen nothing else."""
        return await preferences.edit_defaults(info.context.actor, input)
