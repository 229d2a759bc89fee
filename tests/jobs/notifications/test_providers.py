"""E-mail by several providers: whose turn it is, what they tell later, and who is written to no more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core import database
from app.core.clock import new_id
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import resend, smtp
from app.integrations.mail import Rejected
from app.integrations.resend import BadSignature
from app.models import DeliveryPriority
from app.services.notifications import deliveries, reports, unsubscribing
from app.services.notifications.links import BadLink
from tests.jobs.notifications.test_deliveries import row, wanted
from tests.jobs.working import Worker
from tests.resend import Resend, signed
from tests.resend import resend as serve


@pytest.fixture
async def server(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resend]:
    """Resend, asked before the SMTP server."""
    for module in (resend, smtp):
        outside = Outside(f"{module.__name__} of a test", timeout=15, concurrency=8, refusals=(Rejected,))
        monkeypatch.setattr(module, "SERVER", outside)
    async with serve() as server:
        for name, value in {**server.environment, "MAIL_PROVIDERS": "resend,smtp"}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield server


async def sent(worker: Worker, address: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    await deliveries.ask(new_id(), wanted(address, **more))
    await worker.settled()
    return await row(address)


async def test_the_first_that_is_well_gets_it_and_the_others_what_it_does_not_take(
    worker: Worker, server: Resend
) -> None:
    first = await sent(worker)
    assert (first["provider"], first["state"]) == ("resend", "sent")
    [key] = server.messages
    assert first["provider_id"] == f"id-of-{key}"
    message = server.messages[key]
    assert message["to"] == ["Ada <ada@example.com>"]
    assert message["headers"]["Message-ID"] == f"<{first['_id']}@atrium.example>"
    server.failures = [500]
    assert (await sent(worker, "grace@example.com"))["provider"] == "smtp"
    assert [one["To"] for one in worker.office.messages] == ["Ada <grace@example.com>"]
    server.failures = [422]
    refused = await sent(worker, "mary@example.com")
    assert (refused["state"], refused["attempts"], len(worker.office.messages)) == ("failed", 1, 1)


async def test_what_a_provider_tells_is_noted_once_and_believed_only_if_it_has_signed_it(
    worker: Worker, server: Resend
) -> None:
    await sent(worker)
    [key] = server.messages
    arrived, bounced = server.webhook("email.delivered", key), server.webhook("email.bounced", key)
    for _ in range(2):
        await reports.of_resend(*arrived)
    assert (await row())["state"] == "delivered"
    for body, headers in (
        (arrived[0].replace(b"delivered", b"complained"), arrived[1]),
        (arrived[0], {**arrived[1], "svix-timestamp": "1"}),
        (arrived[0], {}),
        signed(arrived[0], b"another secret"),
    ):
        with pytest.raises(BadSignature):
            await reports.of_resend(body, headers)
    await reports.of_resend(*server.webhook("email.complained", key))
    await reports.of_resend(*bounced)
    assert (await row())["state"] == "complained"
    assert (await sent(worker, "Ada@Example.com"))["state"] == "suppressed"
    urgent = await sent(worker, "ADA@example.com", priority=DeliveryPriority.URGENT)
    assert urgent["state"] == "sent"


async def test_who_wants_no_more_gets_nothing_of_what_goes_to_many(worker: Worker, server: Resend) -> None:
    bulk = await sent(worker, "bob@example.com", priority=DeliveryPriority.BULK)
    [message] = server.messages.values()
    assert message["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["headers"]["List-Unsubscribe"].strip("<>")
    assert link in message["text"]
    token = link.rpartition("/")[2]
    with pytest.raises(BadLink):
        await unsubscribing.WAYS[unsubscribing.MANY].follow(token[:-4] + "AAAA")
    for _ in range(2):
        await unsubscribing.WAYS[unsubscribing.MANY].follow(token)
    assert bulk["state"] == "sent"
    assert (await sent(worker, "BOB@example.com", priority=DeliveryPriority.BULK))["state"] == "suppressed"
    assert (await sent(worker, "Bob@example.com"))["state"] == "sent"
    assert await database.collection("suppressions").count_documents({}) == 1


async def test_a_bounce_of_the_smtp_server_is_remembered(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.office.refused_addresses["gone@example.com"] = "550 nobody of that name"
    assert (await sent(worker, "gone@example.com"))["state"] == "bounced"
    assert (await sent(worker, "Gone@example.com"))["state"] == "suppressed"
