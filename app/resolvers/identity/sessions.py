import strawberry

from app import models
from app.core.errors import LimitReached, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.schema.identity.challenges import FIRST_FACTOR_FAILS
from app.schema.identity.sessions import Registered, Session, SessionsRevoked, SignedIn, SignedOut
from app.schema.kit.audiences import anyone, oneself, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.identity import accounts, sessions


def device(info: Info) -> sessions.Device:
    return sessions.Device(info.context.agent, info.context.address)


@strawberry.type
class Query:
    @connection(Session, signed_in())
    async def sessions(self, info: Info, page: PageArgs) -> Page[models.Session]:
        """Where one is signed in, newest sign-in first."""
        return await sessions.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Registered, anyone(), fails=(LimitReached, Unavailable))
    async def register(self, info: Info, input: accounts.Registration) -> accounts.Registered:
        """Make an account, then sign in. An address that has one gets an e-mail instead; the answer is the same."""
        return await accounts.register(info.context.actor, input, info.context.address)

    @mutation(SignedIn, anyone(), fails=FIRST_FACTOR_FAILS)
    async def sign_in(self, info: Info, input: sessions.SignIn) -> sessions.SignedIn:
        """Open a session with an e-mail address and its password."""
        return await sessions.sign_in(input, device(info))

    @mutation(SignedIn, anyone())
    async def refresh_session(self, info: Info, input: sessions.Refresh) -> sessions.SignedIn:
        """The next tokens of a session. A refresh token is good once; using it again ends the session.

        Whoever got no answer may ask again within ten seconds, and gets the same refresh token.
        """
        return await sessions.refresh(input, device(info))

    @mutation(SignedOut, oneself(on_behalf=True))
    async def sign_out(self, info: Info) -> sessions.SignedOut:
        """End the session: its tokens are worth nothing any more, its sockets close."""
        return await sessions.sign_out(info.context.actor)

    @mutation(Session, oneself(), fails=(NotFound,))
    async def revoke_session(self, info: Info, input: sessions.Revocation) -> models.Session:
        """End one of one's sessions: its tokens are worth nothing any more, its sockets close."""
        return await sessions.revoke(info.context.actor, input)

    @mutation(SessionsRevoked, oneself())
    async def revoke_other_sessions(self, info: Info) -> sessions.SessionsRevoked:
        """End all of one's sessions but this one."""
        return await sessions.revoke_others(info.context.actor)

    @mutation(SignedIn, oneself(), fails=(NotFound,))
    async def switch_organization(self, info: Info, input: sessions.Switch) -> sessions.SignedIn:
        """Tokens for another of one's organizations, in the same session."""
        return await sessions.switch(info.context.actor, input)
