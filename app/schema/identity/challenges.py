import strawberry

from app.core.errors import LimitReached, Unavailable
from app.schema.kit.errors import ERROR_TYPES, UserError
from app.services.identity import challenges
from app.services.identity.challenges import Way

strawberry.enum(Way, name="ProofWay", description="How one can prove who one is.")


@strawberry.type(
    description="What one is asked to prove who one is: answer in one of `ways`, within ten minutes and five tries."
)
class ProofChallenge:
    token: str = strawberry.field(description="Names the challenge in the answer.")
    ways: list[Way]
    passkey: str | None = strawberry.field(
        description="JSON for `PublicKeyCredential.parseRequestOptionsFromJSON`; when PASSKEY is among the ways."
    )

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, challenges.Challenge)


@strawberry.type(description="The first factor was right, and a second is needed: go on with `completeSignIn`.")
class SecondFactorRequired(UserError):
    token: str = strawberry.field(description="Names the challenge in the answer; good for ten minutes and five tries.")
    ways: list[Way]


ERROR_TYPES[challenges.SecondFactorRequired] = SecondFactorRequired
FIRST_FACTOR_FAILS = (challenges.SecondFactorRequired, LimitReached, Unavailable)
"""Why a sign-in by one thing, such as a password, may open no session."""
