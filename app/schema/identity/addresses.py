import strawberry

from app.services.identity import addresses


@strawberry.type(description="An e-mail with a link is on its way.")
class VerificationSent:
    email: str = strawberry.field(description="Where to.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, addresses.VerificationSent)


@strawberry.type(description="An address has confirmed that it is to be the account's.")
class EmailConfirmed:
    email: str = strawberry.field(description="The address that the account is to have.")
    changed: bool = strawberry.field(description="Whether it has it now; else the other address has yet to confirm.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, addresses.EmailConfirmed)


@strawberry.type(description="The address is proved to be the account's.")
class EmailVerified:
    email: str

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, addresses.EmailProved)
