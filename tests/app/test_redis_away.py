"""R8: Redis is away for a while, and nobody but the operator notices."""

import asyncio
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from pymongo import AsyncMongoClient

from app.dev.embedded import EmbeddedValkey
from tests.postoffice import PostOffice, post_office
from tests.world import Person, Processes, World, free_port, organization, ready

RATE = 5
"""Mutations a second, whether or not the ones before were answered."""
NORMAL = 5
"""Seconds before Redis goes away."""
AWAY = float(os.environ.get("REDIS_AWAY_SECONDS", "10"))


@dataclass
class Scene:
    """Atrium with a Redis and a mail server of its own, and an owner who invites."""

    valkey: EmbeddedValkey
    office: PostOffice
    owner: Person
    _read: Counter[str] = field(default_factory=Counter)

    async def invite(self, seconds: float) -> tuple[list[str], list[float]]:
        """Invite people at an even pace; answers their addresses, and how long each answer took from its due start."""
        start, addresses = time.monotonic(), [f"{secrets.token_hex(6)}@example.com" for _ in range(int(seconds * RATE))]

        async def one(number: int, address: str) -> float:
            due = start + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            answer = await self.owner.call("inviteMember", input={"email": address})
            assert answer["__typename"] == "Invitation", answer
            return time.monotonic() - due

        return addresses, await asyncio.gather(*(one(n, address) for n, address in enumerate(addresses)))

    async def delivered(self, addresses: Sequence[str]) -> float:
        """Wait until each has one letter; answers for how long."""
        start = time.monotonic()
        async with asyncio.timeout(60):
            while set(addresses) - self._letters().keys():
                await asyncio.sleep(0.05)
        assert all(self._letters()[one] == 1 for one in addresses)
        return time.monotonic() - start

    def _letters(self) -> Counter[str]:
        """How many each address got. Each letter is read once: this server lives in the test's own loop."""
        for letter in self.office.messages[self._read.total() :]:
            self._read[letter["To"]] += 1
        return self._read


@pytest.fixture
async def scene(mongodb_uri: str, tmp_path: Path) -> AsyncIterator[Scene]:
    database, port = f"atrium_away_{secrets.token_hex(6)}", free_port()
    url = f"http://127.0.0.1:{port}"
    async with post_office() as office, AsyncMongoClient[dict[str, object]](mongodb_uri) as client:
        with EmbeddedValkey(tmp_path / "valkey") as valkey:
            addresses = {"REDIS_URL": valkey.url, "SMTP_URL": f"smtp://127.0.0.1:{office.port}", "PUBLIC_URL": url}
            processes = Processes(tmp_path, database, DRAIN_SECONDS="0", ACCESS_TOKEN_SECONDS="3600", **addresses)
            await asyncio.to_thread(processes.run, "migrate")
            children = [processes.start("worker", "worker"), processes.start("api", "serve", "--port", str(port))]
            try:
                await ready(url, seconds=90)
                async with httpx.AsyncClient(timeout=30) as http:
                    owner = await World(url, http).person("Olivia")
                    await organization(owner)
                    yield Scene(valkey, office, owner)
            finally:
                for child in children:
                    await asyncio.to_thread(child.stop)
                await client.drop_database(database)


def p95(durations: Sequence[float]) -> float:
    return sorted(durations)[int(len(durations) * 0.95)]


def kill(valkey: EmbeddedValkey) -> Callable[[], object]:
    """kill -9, and everything it held is gone; answers how to bring it back."""
    valkey.process.kill()
    return valkey.start


def freeze(valkey: EmbeddedValkey) -> Callable[[], object]:
    """It accepts connections and answers nothing; answers how to bring it back."""
    pid = valkey.process.pid or 0
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("away", [kill, freeze])
async def test_r8_mutations_and_jobs_go_on_without_redis(
    scene: Scene, away: Callable[[EmbeddedValkey], Callable[[], object]]
) -> None:
    await scene.invite(3)
    before, normal = await scene.invite(NORMAL)
    await scene.delivered(before)

    come_back = away(scene.valkey)
    during, slowest = await scene.invite(AWAY)
    await asyncio.to_thread(come_back)
    late = await scene.delivered(during)
    after, _ = await scene.invite(1)
    again = await scene.delivered(after)

    print(
        f"{away.__name__} for {AWAY} s: {len(during)} of {len(during)} mutations succeeded; "
        f"p95 {p95(normal) * 1000:.0f} ms with Redis, {p95(slowest) * 1000:.0f} ms without; "
        f"their jobs were done {late:.2f} s after it was back, later ones in {again:.2f} s"
    )
