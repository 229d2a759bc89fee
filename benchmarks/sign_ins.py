"""Sign-ins: what their times tell about accounts (S14), and what 200 at once do to others.

python -m benchmarks.sign_ins [--tries 500]
"""

import argparse
import asyncio
import math
import multiprocessing
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from app.dev.children import Child, free_port
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey

PASSWORD, WRONG = "correct horse battery", "not the password"
WARMING = 10
"""Tries that are not counted."""
CROWD = 200
SECONDS = 10
"""For which others ask before the crowd comes."""

Ask = Callable[[str], Awaitable[float]]


Answer = tuple[float, dict[str, Any]]
"""Seconds that it took, and what it said."""


class Atrium:
    """A running one, as strangers meet it: each request comes from somewhere else."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url, self.http = url, http

    async def call(self, mutation: str, fields: str, token: str = "", **given: str) -> Answer:
        """Seconds that the answer took, and its data."""
        verb = mutation[:1].upper() + mutation[1:]
        text = f"mutation($i: {verb}Input!) {{ a: {mutation}(input: $i) {{ __typename {fields} }} }}"
        return await self.ask(text, token, i=given)

    async def ask(self, text: str, token: str = "", **variables: object) -> Answer:
        place = ".".join(str(secrets.randbelow(254) + 1) for _ in range(3))
        headers = {"X-Forwarded-For": f"10.{place}", **({"Authorization": f"Bearer {token}"} if token else {})}
        began = time.perf_counter()
        answer = await self.http.post(self.url, json={"query": text, "variables": variables}, headers=headers)
        return time.perf_counter() - began, answer.json()


async def measure(atrium: Atrium, tries: int) -> None:
    # An account may be asked for three e-mails in a quarter of an hour, and its registration sent the first.
    emails = [f"person.{n}@example.com" for n in range(tries // 2 + WARMING)]
    for email in emails:
        await atrium.call("register", "", email=email, password=PASSWORD, name="Person")
    token = await _signed_in(atrium, emails[0])
    await _tell(atrium, "reset", emails, tries, lambda e: atrium.call("requestPasswordReset", "", email=e))
    await _crowd(atrium, token)
    await asyncio.sleep(SECONDS)  # what the crowd has left is done
    await _tell(atrium, "sign-in", emails, tries, lambda e: atrium.call("signIn", "", email=e, password=WRONG))
    await _tell(
        atrium, "sign-up", emails, tries, lambda e: atrium.call("register", "", email=e, password=PASSWORD, name="P")
    )
    token = await _signed_in(atrium, emails[0])  # the first token has ended meanwhile
    await atrium.call("createOrganization", "", token, name="Ours", slug=secrets.token_hex(6))
    token = await _signed_in(atrium, emails[0])
    known = emails[1:]  # an address may be invited once
    await _tell(
        atrium,
        "invitation",
        known,
        len(known) - WARMING,
        lambda e: atrium.call("inviteMember", "", token, email=e),
    )


async def _signed_in(atrium: Atrium, email: str) -> str:
    """An access token."""
    _, answer = await atrium.call("signIn", "... on SignedIn { accessToken }", email=email, password=PASSWORD)
    token: str = answer["data"]["a"]["accessToken"]
    return token


async def _tell(
    atrium: Atrium,
    name: str,
    known: Sequence[str],
    tries: int,
    ask: Callable[[str], Awaitable[Answer]],
) -> None:
    """Ask for known and unknown addresses in turn, and say whether the times tell one from the other."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for n in range(tries + WARMING):
        for there in (True, False) if n % 2 else (False, True):
            email = known[n % len(known)] if there else f"nobody.{secrets.token_hex(6)}@example.com"
            took, answer = await ask(email)
            assert "errors" not in answer, answer
            if n >= WARMING:
                times[there].append(took)
    mean = {there: statistics.fmean(found) for there, found in times.items()}
    difference = (mean[True] - mean[False]) / mean[False]
    print(
        f"{name}: known {mean[True] * 1000:.2f} ms, unknown {mean[False] * 1000:.2f} ms, "
        f"difference {difference:+.1%}, Mann-Whitney p = {_mann_whitney(times[True], times[False]):.3f}",
        flush=True,
    )


def _mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p that both are of one distribution, by the normal approximation."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    rank_sum = sum(rank for rank, (_, of) in enumerate(ranked, 1) if of == 0)
    n, m = len(one), len(other)
    u = rank_sum - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


async def _crowd(atrium: Atrium, token: str) -> None:
    """What others feel of so many sign-ins at once."""
    crowd_is_over = asyncio.Event()

    async def others() -> list[float]:
        times, ends = [], time.monotonic() + SECONDS
        while not crowd_is_over.is_set() and time.monotonic() < ends:
            took, _ = await atrium.ask("{ me { id name } }", token)
            times.append(took)
            await asyncio.sleep(0.01)
        return times

    for _ in range(100):
        await atrium.ask("{ me { id name } }", token)
    # In a process of its own: who asks would wait here for two hundred requests to be written, and call it the server.
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere:
        await loop.run_in_executor(elsewhere, int)  # it has started
        quiet = await others()
        busy = asyncio.ensure_future(others())
        codes = await loop.run_in_executor(elsewhere, _sign_in_all, atrium.url)
        crowd_is_over.set()
        heard = await busy
    p95 = [statistics.quantiles(times, n=20)[-1] * 1000 for times in (quiet, heard)]
    print(f"{CROWD} sign-ins at once: { {code: codes.count(code) for code in set(codes)} }")
    before, beside = (f"p95 {ms:.1f} ms of {len(times)}" for ms, times in zip(p95, (quiet, heard), strict=True))
    print(f"a query of somebody else: {before} before, {beside} beside them")
    sys.stdout.flush()


def _sign_in_all(url: str) -> list[str]:
    """What each of the crowd is told."""

    async def all_at_once() -> list[str]:
        async with _client() as http:
            atrium = Atrium(url, http)
            signing_in = [
                atrium.call("signIn", "... on UserError { code }", email=f"n{n}@example.com", password=WRONG)
                for n in range(CROWD)
            ]
            answers = await asyncio.gather(*signing_in)
        return [(answer["data"] or {}).get("a", answer).get("code", "TIMEOUT") for _, answer in answers]

    return asyncio.run(all_at_once())


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atrium-sign-ins-", ignore_cleanup_errors=True) as place:
        directory = Path(place)
        with EmbeddedMongo(directory / "mongodb") as mongo, EmbeddedValkey(directory / "valkey") as valkey:
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            environment = {
                **os.environ,
                "ATRIUM_ENV": "dev",
                "MONGODB_URI": mongo.uri,
                "REDIS_URL": valkey.url,
                "SECRET_KEY": secrets.token_hex(32),
                "PUBLIC_URL": url,
                "LOG_LEVEL": "warning",
                "SMTP_URL": "smtp://127.0.0.1:9",
            }
            program = [sys.executable, "-m", "app.cli"]
            migrated = await asyncio.create_subprocess_exec(*program, "migrate", env=environment)
            assert await migrated.wait() == 0
            children = [
                Child(name, [*program, *command], directory, environment=environment)
                for name, command in {"worker": ["worker"], "api": ["serve", "--port", str(port)]}.items()
            ]
            for child in children:
                child.start()
            try:
                async with _client() as http:
                    while True:
                        try:
                            if (await http.get(f"{url}/readyz")).status_code == 200:
                                break
                        except httpx.TransportError:
                            pass
                        await asyncio.sleep(0.2)
                    await measure(Atrium(f"{url}/graphql", http), given.tries)
            finally:
                for child in reversed(children):
                    child.stop()


if __name__ == "__main__":
    asyncio.run(main())
