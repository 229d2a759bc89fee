"""Signing in with an ID token of Firebase: apps that sign people in there trade it for a session here."""

from typing import Annotated

import structlog
from pydantic import Field

from app.core.commands import Command
from app.core.errors import Invalid, Unavailable
from app.core.settings import settings
from app.integrations import firebase
from app.integrations.oidc import Refused
from app.models import IdentityProvider
from app.services.identity import identities
from app.services.identity.oauth import NotOffered
from app.services.identity.sessions import Device, SignedIn

_log = structlog.stdlib.get_logger(__name__)


class BadFirebaseToken(Invalid):
    """It is not one of our project, or its time is over: which, is not told."""

    code = "BAD_FIREBASE_TOKEN"


class FirebaseSignIn(Command):
    """A fresh ID token of the project's."""

    id_token: Annotated[str, Field(max_length=10_000, repr=False)]


async def sign_in(given: FirebaseSignIn, device: Device) -> SignedIn:
    """Open a session for whose token it is.

    Raises NotOffered, BadFirebaseToken, Unavailable, NoVerifiedEmail and EmailNotOurs.
    """
    if settings().firebase_project_id is None:
        raise NotOffered("One cannot sign in with this here.", path=["input", "idToken"])
    try:
        who = await firebase.signed_in(given.id_token)
    except Refused as error:
        _log.info("firebase.refused", why=str(error))
        raise BadFirebaseToken("This token is not valid here.", path=["input", "idToken"]) from None
    except Unavailable:
        raise
    except Exception as error:  # of the network, in the words of several libraries
        _log.warning("firebase.away", error=repr(error)[:300])
        raise Unavailable("The other side does not answer at present. Try again in a while.") from error
    return await identities.enter(IdentityProvider.FIREBASE, who, device)
