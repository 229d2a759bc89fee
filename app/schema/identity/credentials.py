import strawberry

from app.services.identity import credentials


@strawberry.type(description="A link goes out if there is such an account, which the answer does not tell.")
class ResetSent:
    email: str

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, credentials.ResetSent)


@strawberry.type(description="The account has a new password; sessions until now are over, but for the one that asked.")
class PasswordSet:
    email: str = strawberry.field(description="The account's.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, credentials.PasswordSet)
