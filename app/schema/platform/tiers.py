import strawberry

from app.services.platform import tiers


@strawberry.type(description="That somebody asked faster than they may.")
class Refusals:
    kind: str = strawberry.field(
        description=(
            "Whose points were spent: a `person`'s, an API `key`'s, an `organization`'s, those of its `day`, or those "
            "of an `address` from which nobody had signed in."
        )
    )
    key: str = strawberry.field(description="Who that is, by ids or an address.")
    times: int = strawberry.field(description="How often, yesterday and today.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, tiers.Refusals)
