from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node
from app.services.identity import passkeys


@strawberry.type(description="A key of a person's device with which they sign in. Only its person sees it.")
class Passkey(Node):
    model = models.Passkey

    name: str
    synchronized: bool = strawberry.field(description="Whether it is on other devices of the person as well.")
    created_at: datetime
    used_at: datetime | None = strawberry.field(description="When somebody signed in with it last.")


@strawberry.type(description="A question to a device. Its answer is good once, for five minutes.")
class PasskeyChallenge:
    token: str = strawberry.field(description="Goes back with the answer.")
    options: str = strawberry.field(
        description="JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`."
    )

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, passkeys.PasskeyChallenge)
