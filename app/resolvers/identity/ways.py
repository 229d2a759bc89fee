import strawberry

from app.schema.identity.ways import WaysToSignIn
from app.schema.kit.audiences import signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.services.identity import ways


@strawberry.type
class Query:
    @query(WaysToSignIn, signed_in())
    async def ways_to_sign_in(self, info: Info) -> ways.Ways:
        """How one can sign in: by a password, with passkeys, elsewhere."""
        return await ways.of(info.context.actor)
