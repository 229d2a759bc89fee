"""Tickets: secrets that are good for one thing, once, for a while. Links, codes, steps of signing in are made of them.

A token is the ticket's id and a code that only this server can make: the database holds nothing that could be used.
To redeem one inside an atomic scope takes back the use with everything else if the scope fails.
"""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core import changes, seals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import Invalid, Unauthenticated
from app.models import Purpose, Ticket, TicketDocument, TicketTriesDocument
from app.models.identity.tickets import TicketTries, sealed
from app.services.identity import tokens

PLATFORM = Actor.platform()


class TicketOver(Invalid):
    """It was used, its time is over, it was tried too often, or it was never ours: which, is not told."""

    code = "TICKET_OVER"

    def __init__(self) -> None:
        super().__init__("This has been used, or its time is over. Ask for another.", path=["input", "token"])


async def make(purpose: Purpose, user_id: ObjectId | None, data: Mapping[str, Any], lifetime: timedelta) -> Ticket:
    """A new ticket, whose token a job sends: an event names the ticket, and `token` follows from its id."""
    moment = now()
    ticket = TicketDocument(
        id=new_id(),
        purpose=purpose,
        user_id=user_id,
        sealed=sealed(dict(data)),
        created_at=moment,
        expires_at=moment + lifetime,
    )
    return await changes.insert(ticket)


async def issue(purpose: Purpose, user_id: ObjectId | None, data: Mapping[str, Any], lifetime: timedelta) -> str:
    """The token of a new ticket. `data` is what `redeem` gives back: plain values that BSON can hold."""
    ticket = await make(purpose, user_id, data, lifetime)
    return token(purpose, ticket.id)


def token(purpose: Purpose, id: ObjectId) -> str:
    """What the bearer of a ticket holds: safe in a URL."""
    return tokens.ticket(purpose, id)


def code(id: ObjectId) -> str:
    """Six digits that follow from a ticket, for its bearer to type; only a few tries make them safe."""
    number = int.from_bytes(seals.fingerprint("codes", id.binary))
    return f"{number % 1_000_000:06}"


def is_code(ticket: Ticket, given: str) -> bool:
    return hmac.compare_digest(code(ticket.id).encode(), given.replace(" ", "").encode())


async def good(id: ObjectId) -> Ticket | None:
    """The ticket, while it can be used."""
    return await Ticket.lookup(PLATFORM, {"expires_at": {"$gt": now()}}, _id=id, used_at=None)


async def redeem(purpose: Purpose, token: str) -> Ticket:
    """The ticket, used up by this call: of any number at once one succeeds. Raises TicketOver."""
    ticket = await changes.change(Ticket, _open(purpose, token), {"$set": {"used_at": now()}})
    return _there(ticket)


async def find(purpose: Purpose, token: str) -> Ticket:
    """The ticket as it is, not used up. Raises TicketOver."""
    return _there(await Ticket.lookup(PLATFORM, _open(purpose, token)))


async def attempt(purpose: Purpose, token: str, limit: int) -> Ticket:
    """The ticket, tried once more of at most `limit` times; counted even where the rest is only rehearsed, or fails.

    Raises TicketOver.
    """
    ticket = await find(purpose, token)
    if not await changes.apart(lambda: _tried(ticket, limit)):
        raise TicketOver
    return ticket


async def _tried(ticket: Ticket, limit: int) -> bool:
    await changes.insert_once(TicketTriesDocument(id=ticket.id, expires_at=ticket.expires_at), {"_id": ticket.id})
    where = {"_id": ticket.id, "tries": {"$lt": limit}}
    return await changes.change(TicketTries, where, {"$inc": {"tries": 1}}) is not None


async def cancel(user_id: ObjectId, *purposes: Purpose) -> None:
    """Let all that a person holds of these purposes be worth nothing."""
    where = {"user_id": user_id, "purpose": {"$in": [one.value for one in purposes]}, "used_at": None}
    await changes.change_all(Ticket, where, {"$set": {"used_at": now()}})


def _open(purpose: Purpose, token: str) -> dict[str, Any]:
    """The filter of the ticket with this token, while it is good."""
    try:
        id = tokens.ticketed(purpose, token)
    except Unauthenticated:
        raise TicketOver from None
    return {"_id": id, "purpose": purpose.value, "used_at": None, "expires_at": {"$gt": now()}}


def _there(ticket: Ticket | None) -> Ticket:
    if ticket is None:
        raise TicketOver
    return ticket
