"""A mail server that has bad days: it refuses, greylists, and hangs up, as a seed decides."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from random import Random
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSED, GREYLISTED, DROPPED = 0.02, 0.05, 0.01
"""The parts of addresses that do not exist, of recipients that are told to come again, of messages that are cut off."""


@dataclass
class BadOffice:
    """What was taken: moments (monotonic) of all that was, and Message-IDs by address, a copy counted as one more."""

    random: Random
    port: int = 0
    nobody: set[str] = field(default_factory=set)
    """Addresses that do not exist."""
    taken: dict[str, Counter[str]] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.nobody:
            self.faults["refused"] += 1
            return "550 5.1.1 nobody of that name"
        if self.random.random() < GREYLISTED:
            self.faults["greylisted"] += 1
            return "451 4.7.1 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        assert server.transport
        fate = self.random.random()
        if fate < DROPPED:
            self.faults["cut off before it was taken"] += 1
            server.transport.close()
            return "451 never said"
        message = message_from_bytes(envelope.content)
        self.taken.setdefault(envelope.rcpt_tos[0], Counter())[str(message["Message-ID"])] += 1
        self.moments.append(time.monotonic())
        if fate < 2 * DROPPED:
            self.faults["cut off after it was taken"] += 1
            server.transport.close()
        return "250 OK"


@asynccontextmanager
async def bad_office(random: Random) -> AsyncIterator[BadOffice]:
    office, loop = BadOffice(random), asyncio.get_running_loop()

    def protocol() -> Any:
        return SMTP(office, loop=loop, hostname="localhost")

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
