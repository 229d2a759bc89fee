import strawberry

from app.schema.identity.identities import Identity
from app.schema.identity.passkeys import Passkey


@strawberry.type(description="How one can sign in. One way must always be left.")
class WaysToSignIn:
    password: bool = strawberry.field(description="Whether one has a password.")
    passkeys: list[Passkey] = strawberry.field(description="The newest first.")
    identities: list[Identity] = strawberry.field(description="Elsewhere, the newest first.")
