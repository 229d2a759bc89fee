import strawberry

from app.core import words


@strawberry.type(description="A language that the server speaks to those who ask for it by `Accept-Language`.")
class Language:
    code: str = strawberry.field(description="By BCP 47.")
    name: str = strawberry.field(description="What it calls itself.")
    right_to_left: bool = strawberry.field(description="Whether it is written from right to left.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, words.Language)
