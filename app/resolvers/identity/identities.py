import strawberry

from app import models
from app.core.errors import NotFound, Unavailable
from app.resolvers.identity.sessions import device
from app.schema.identity.challenges import FIRST_FACTOR_FAILS
from app.schema.identity.identities import Identity, OAuthBegun
from app.schema.identity.sessions import SignedIn
from app.schema.kit.audiences import anyone, oneself, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import firebase, identities, oauth, sessions


@strawberry.type
class Mutation:
    @mutation(OAuthBegun, anyone(), fails=(Unavailable,))
    async def begin_o_auth(self, info: Info, input: oauth.OAuthBeginning) -> oauth.OAuthBegun:
        """Begin to sign in at Google, Facebook or LinkedIn, or to link an account there."""
        return await oauth.begin(info.context.actor, input)

    @mutation(SignedIn, anyone(), fails=FIRST_FACTOR_FAILS)
    async def finish_o_auth(self, info: Info, input: oauth.OAuthReturn) -> sessions.SignedIn:
        """Open a session with what the browser came back with; who has no account gets one."""
        return await oauth.sign_in(input, device(info))

    @mutation(SignedIn, anyone(), fails=FIRST_FACTOR_FAILS)
    async def sign_in_with_firebase(self, info: Info, input: firebase.FirebaseSignIn) -> sessions.SignedIn:
        """Open a session with an ID token of Firebase; who has no account gets one."""
        return await firebase.sign_in(input, device(info))

    @mutation(Identity, oneself(recent(2)), fails=(Unavailable,))
    async def link_identity(self, info: Info, input: oauth.OAuthReturn) -> models.Identity:
        """Let oneself sign in elsewhere from now on, with what the browser came back with."""
        return await oauth.link(info.context.actor, input)

    @mutation(Identity, oneself(recent(2)), fails=(NotFound,))
    async def unlink_identity(self, info: Info, input: identities.IdentityChoice) -> models.Identity:
        """Let one of one's identities be worth nothing; not the last way to sign in."""
        return await identities.unlink(info.context.actor, input)
