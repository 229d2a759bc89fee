"""Tickets: one thing, once, for a while."""

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock, database
from app.core.clock import new_id
from app.core.database import Document
from app.models import Purpose, Ticket
from app.services.identity import tickets
from app.services.identity.tickets import TicketOver

pytestmark = pytest.mark.usefixtures("documents")
VERIFY, RESET = Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD
HOUR = timedelta(hours=1)


async def test_a_ticket_gives_back_what_it_was_issued_with_once() -> None:
    user = new_id()
    token = await tickets.issue(VERIFY, user, {"email": "ada@example.com"}, HOUR)
    ticket = await tickets.redeem(VERIFY, token)
    assert (ticket.user_id, ticket.data) == (user, {"email": "ada@example.com"})
    with pytest.raises(TicketOver):
        await tickets.redeem(VERIFY, token)


async def test_of_twenty_at_once_one_succeeds() -> None:
    """S17."""
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    answers = await asyncio.gather(*(tickets.redeem(VERIFY, token) for _ in range(20)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Ticket"] + ["TicketOver"] * 19


async def test_a_ticket_of_another_purpose_is_none() -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    with pytest.raises(TicketOver):
        await tickets.redeem(RESET, token)
    await tickets.redeem(VERIFY, token)


async def test_a_ticket_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    moment = clock.source()
    monkeypatch.setattr(clock, "source", lambda: moment + 3601)
    with pytest.raises(TicketOver):
        await tickets.redeem(VERIFY, token)


@pytest.mark.parametrize("token", ["", ".", "x", "a.b", f"{'0' * 24}.x", "\u0000.", "🙂.x", f"{'z' * 24}.{'A' * 43}"])
async def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(TicketOver):
        await tickets.redeem(VERIFY, token)


async def test_every_altered_character_is_noticed() -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    for place in range(len(token) - 1):  # the last holds two bits that stand for nothing
        altered = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
        with pytest.raises(TicketOver):
            await tickets.redeem(VERIFY, altered)


async def test_what_fails_takes_the_use_back() -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)

    @changes.atomic
    async def fail() -> None:
        await tickets.redeem(VERIFY, token)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await tickets.redeem(VERIFY, token)


async def test_attempts_are_counted_though_the_scope_fails_and_even_in_a_rehearsal() -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    for _ in range(3):
        await changes.rehearse(lambda: tickets.attempt(VERIFY, token, 3))
    with pytest.raises(TicketOver):
        await tickets.attempt(VERIFY, token, 3)


async def test_of_attempts_at_once_no_more_are_made_than_allowed() -> None:
    token = await tickets.issue(VERIFY, None, {}, HOUR)
    tries = (tickets.attempt(VERIFY, token, 5) for _ in range(20))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, Ticket) for answer in answers) == 5


async def test_cancelling_ends_what_a_person_holds_of_a_purpose() -> None:
    user = new_id()
    first, second = [await tickets.issue(purpose, user, {}, HOUR) for purpose in (VERIFY, RESET)]
    other = await tickets.issue(VERIFY, new_id(), {}, HOUR)
    await tickets.cancel(user, VERIFY)
    with pytest.raises(TicketOver):
        await tickets.redeem(VERIFY, first)
    await tickets.redeem(RESET, second)
    await tickets.redeem(VERIFY, other)


async def test_nothing_that_is_stored_can_be_used(documents: AsyncDatabase[Document]) -> None:
    token = await tickets.issue(VERIFY, None, {"email": "marker@example.com"}, HOUR)
    stored = await database.collection(Ticket.collection).find_one({"_id": ObjectId(token.partition(".")[0])})
    assert stored
    assert token.partition(".")[2] not in str(stored)
    assert "marker" not in str(stored)
