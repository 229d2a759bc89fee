import strawberry

from app import models
from app.schema.kit.nodes import by_class


@strawberry.type(description="From where the platform is reached: the networks allowed (all if none) but those denied.")
class PlatformNetworkRules:
    allowed: list[str]
    denied: list[str]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.PlatformNetworks)
