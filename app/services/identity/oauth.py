"""Signing in at Google, Facebook or LinkedIn: there and back.

What has to be known when the browser comes back is a ticket. Its token stays with the client that began and is no part
of any address, so who lures somebody to the address of a sign-in of their own gets nowhere with it.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2
import structlog
from pydantic import Field

from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import Invalid, Unauthenticated, Unavailable
from app.core.rows import Value
from app.core.settings import settings
from app.integrations import facebook, google, linkedin, oidc
from app.integrations.oidc import Client, Provider, Refused, Somebody
from app.models import Identity, IdentityProvider, Purpose, Ticket
from app.services.identity import identities, tickets
from app.services.identity.sessions import Device, SignedIn

LIFETIME = timedelta(minutes=10)
VISIBLE = r"^[\x20-\x7e]+$"
"""What a code and a state can consist of (RFC 6749, appendix A): nothing else is sent on."""

_PROVIDERS: Mapping[IdentityProvider, Callable[[], Provider]] = {
    IdentityProvider.GOOGLE: google.provider,
    IdentityProvider.FACEBOOK: facebook.provider,
    IdentityProvider.LINKEDIN: linkedin.provider,
}
_log = structlog.stdlib.get_logger(__name__)


class NotOffered(Invalid):
    """We are no client of this provider."""

    code = "PROVIDER_NOT_OFFERED"


class OAuthRefused(Invalid):
    """The provider does not bear out that the person signed in there for us just now."""

    code = "OAUTH_REFUSED"


class OAuthBeginning(Command):
    """Where to sign in, and where the browser comes back to."""

    provider: IdentityProvider
    redirect_uri: Annotated[
        str, Field(max_length=500, description="A page of an origin of ours, that the provider knows.")
    ]
    link: Annotated[bool, Field(description="To add it to one's account, instead of signing in.")] = False


class OAuthReturn(Command):
    """What the browser came back with, and the token of `beginOAuth`."""

    token: Annotated[str, Field(max_length=200, repr=False)]
    state: Annotated[str, Field(max_length=200, pattern=VISIBLE, repr=False)]
    code: Annotated[str, Field(max_length=4_000, pattern=VISIBLE, repr=False)]


@dataclass(slots=True)
class OAuthBegun(Value):
    """Where to send the browser, and the token to keep until it comes back, for ten minutes."""

    url: str
    token: str


async def begin(actor: Actor, given: OAuthBeginning) -> OAuthBegun:
    """Raises NotOffered, Invalid for a page that is not ours, Unavailable."""
    if given.link and not actor.user_id:
        raise Unauthenticated("Sign in first.")
    provider, client = _offered(given.provider)
    parts = urlsplit(given.redirect_uri)
    if f"{parts.scheme}://{parts.netloc}" not in settings().origins or parts.fragment:
        raise Invalid("This is no page of ours.", path=["input", "redirectUri"])
    try:
        begun = await oidc.begin(provider, client, given.redirect_uri)
    except (httpx2.HTTPError, TimeoutError, Refused, KeyError, ValueError) as error:
        raise _away(given.provider, error) from error
    data = {"provider": given.provider.value, "redirect_uri": given.redirect_uri}
    data |= {"state": begun.state, "verifier": begun.verifier, "nonce": begun.nonce}
    user_id = actor.user_id if given.link else None
    return OAuthBegun(begun.url, await tickets.issue(Purpose.OAUTH, user_id, data, LIFETIME))


async def sign_in(given: OAuthReturn, device: Device) -> SignedIn:
    """Open a session. Raises TicketOver, OAuthRefused, Unavailable, NoVerifiedEmail and EmailNotOurs."""
    ticket = await tickets.redeem(Purpose.OAUTH, given.token)
    if ticket.user_id is not None:
        raise _refused("it was begun to be linked")
    provider, who = await _back(ticket, given)
    return await identities.enter(provider, who, device)


async def link(actor: Actor, given: OAuthReturn) -> Identity:
    """Let the actor sign in so from now on. Raises TicketOver, OAuthRefused, Unavailable and IdentityTaken."""
    ticket = await tickets.redeem(Purpose.OAUTH, given.token)
    if ticket.user_id is None or ticket.user_id != actor.user_id:
        raise _refused("it was begun by somebody else")
    provider, who = await _back(ticket, given)
    return await identities.link(actor, provider, who)


async def _back(ticket: Ticket, given: OAuthReturn) -> tuple[IdentityProvider, Somebody]:
    data: dict[str, Any] = ticket.data
    name = IdentityProvider(data["provider"])
    provider, client = _offered(name)
    if not hmac.compare_digest(given.state.encode(), data["state"].encode()):
        raise _refused("the state is of another sign-in")
    try:
        who = await oidc.finish(
            provider, client, data["redirect_uri"], given.code, verifier=data["verifier"], nonce=data["nonce"]
        )
    except Refused as error:
        raise _refused(str(error)) from None
    except (httpx2.HTTPError, TimeoutError, KeyError, ValueError) as error:
        raise _away(name, error) from error
    return name, who


def _offered(name: IdentityProvider) -> tuple[Provider, Client]:
    declared = _PROVIDERS.get(name)
    id, secret = (getattr(settings(), f"{name.value}_client_{part}", None) for part in ("id", "secret"))
    if declared is None or not id or secret is None:
        raise NotOffered("One cannot sign in with this here.", path=["input", "provider"])
    return declared(), Client(id, secret.get_secret_value())


def _refused(why: str) -> OAuthRefused:
    _log.info("oauth.refused", why=why)
    return OAuthRefused("This sign-in could not be confirmed: begin again.", path=["input"])


def _away(name: IdentityProvider, error: Exception) -> Unavailable:
    _log.warning("oauth.away", provider=name.value, error=repr(error)[:300])
    return Unavailable("The other side does not answer at present. Try again in a while.")
