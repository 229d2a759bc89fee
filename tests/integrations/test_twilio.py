"""Twilio, by its own client, spoken to a server of the test's own."""

from collections.abc import AsyncIterator

import pytest
from twilio.base.exceptions import TwilioRestException

from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import twilio
from app.integrations.twilio import Rejected
from tests.twilio import SENDER, Twilio
from tests.twilio import twilio as serve

NUMBER = "+4915123456789"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Twilio]:
    outside = Outside("twilio of a test", timeout=15, concurrency=8, refusals=(Rejected,))
    monkeypatch.setattr(twilio, "SERVER", outside)
    async with serve() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()


async def test_a_text_message_is_sent(server: Twilio) -> None:
    await twilio.send(NUMBER, "123456 is your code.")
    assert server.messages == [{"To": NUMBER, "From": SENDER, "Body": "123456 is your code."}]


async def test_what_will_never_be_sent_is_not_tried_again(server: Twilio) -> None:
    with pytest.raises(Rejected):
        await twilio.send("nowhere", "123456 is your code.")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_may_be_tried_again(server: Twilio, status: int) -> None:
    server.failures = [status]
    with pytest.raises(TwilioRestException):
        await twilio.send(NUMBER, "123456 is your code.")
    await twilio.send(NUMBER, "123456 is your code.")


async def test_what_is_sent_is_in_no_log(server: Twilio, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        await twilio.send(NUMBER, "654321 is your code.")
    assert "654321" not in caplog.text
    assert NUMBER not in caplog.text
