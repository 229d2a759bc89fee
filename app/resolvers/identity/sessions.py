import strawberry

from app.core.errors import NotFound, Unavailable
from app.schema.identity.sessions import Registered, SignedIn, SignedOut
from app.schema.kit.audiences import anyone, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import accounts, sessions


def _device(info: Info) -> sessions.Device:
    return sessions.Device(info.context.agent, info.context.address)


@strawberry.type
class Mutation:
    @mutation(Registered, anyone(), fails=(Unavailable,))
    async def register(self, info: Info, input: accounts.Registration) -> accounts.Registered:
        """Make an account, then sign in. An address that has one gets an e-mail instead; the answer is the same."""
        return await accounts.register(info.context.actor, input)

    @mutation(SignedIn, anyone(), fails=(Unavailable,))
    async def sign_in(self, info: Info, input: sessions.SignIn) -> sessions.SignedIn:
        """Open a session with an e-mail address and its password."""
        return await sessions.sign_in(input, _device(info))

    @mutation(SignedIn, anyone())
    async def refresh_session(self, info: Info, input: sessions.Refresh) -> sessions.SignedIn:
        """The next tokens of a session. A refresh token is good once; using it again ends the session."""
        return await sessions.refresh(input, _device(info))

    @mutation(SignedOut, signed_in())
    async def sign_out(self, info: Info) -> sessions.SignedOut:
        """End the session: its tokens are worth nothing any more, its sockets close."""
        return await sessions.sign_out(info.context.actor)

    @mutation(SignedIn, signed_in(), fails=(NotFound,))
    async def switch_organization(self, info: Info, input: sessions.Switch) -> sessions.SignedIn:
        """Tokens for another of one's organizations, in the same session."""
        return await sessions.switch(info.context.actor, input)
