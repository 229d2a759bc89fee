from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node
from app.services.identity import oauth

strawberry.enum(models.IdentityProvider, description="Who can say who somebody is.")


@strawberry.type(description="Who a person is to somebody else, who signs them in here. Only its person sees it.")
class Identity(Node):
    model = models.Identity

    provider: models.IdentityProvider
    email: str | None = strawberry.field(description="The address that they had there when it was linked.")
    created_at: datetime
    used_at: datetime | None = strawberry.field(description="When they signed in by it last, if ever.")


@strawberry.type(description="A sign-in elsewhere was begun. It has to be finished within ten minutes.")
class OAuthBegun:
    url: str = strawberry.field(description="Where to send the browser.")
    token: str = strawberry.field(description="To keep until the browser comes back, where no other page can read it.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, oauth.OAuthBegun)
