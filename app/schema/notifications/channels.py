"""The channels by which things come to people; every type that names one imports it from here."""

import strawberry

from app.models import Channel

strawberry.enum(
    Channel,
    name="DeliveryChannel",
    description="By what things come to people, besides the list of their notifications.",
)

__all__ = ["Channel"]
