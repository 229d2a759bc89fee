import strawberry

from app.services.identity import phones, second_factors


@strawberry.type(description="What an authenticator app needs. It is shown once.")
class TotpEnrolment:
    uri: str = strawberry.field(description="`otpauth://...`, for apps on the same device.")
    svg: str = strawberry.field(description="The same as a QR code, an SVG document.")
    secret: str = strawberry.field(description="The secret in base 32, for typing.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, second_factors.TotpEnrolment)


@strawberry.type(description="A text message with a code is on its way.")
class TextSent:
    token: str = strawberry.field(description="For the answer.")
    number: str = strawberry.field(description="Where to: all but its last two digits are hidden.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, phones.TextSent)


@strawberry.type(description="Codes for who loses the second factor, each good once. They are shown once.")
class RecoveryCodes:
    codes: list[str] = strawberry.field(description="Empty where those of before still hold.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, second_factors.RecoveryCodes)


@strawberry.type(description="A second factor is gone.")
class SecondFactorRemoved:
    left: bool = strawberry.field(description="Whether there is another: else the password alone lets one in.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, second_factors.FactorRemoved)
