import strawberry

from app.models import Tier

strawberry.enum(
    Tier,
    description=(
        "How fast those who act in an organization may ask: each person and API key has 100, 1,000 or 10,000 points an "
        "hour. A point is a request for at most 100 objects."
    ),
)

__all__ = ["Tier"]
