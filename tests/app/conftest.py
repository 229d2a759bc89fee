"""One running Atrium for all tests of this folder: a migrated database, an API process, a worker."""

import json
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from app.dev.children import Child
from tests import tenant_filters
from tests.firebase import PROJECT
from tests.integrations.vendor import Webhook
from tests.oidc import CLIENT, Liar, lying
from tests.postoffice import PostOffice, post_office
from tests.razorpay.server import Razorpay
from tests.stripe.server import Stripe
from tests.twilio import Twilio, twilio
from tests.world import Person, Processes, World, free_port, organization, ready


@pytest.fixture(scope="package")
async def store(mongodb_uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The database of this Atrium: to see what is kept, and to let time pass."""
    name = f"atrium_world_{secrets.token_hex(6)}"
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client.get_database(name, CodecOptions(tz_aware=True))
        await client.drop_database(name)


@pytest.fixture(scope="package")
async def office() -> AsyncIterator[PostOffice]:
    """Where the e-mails of this Atrium arrive."""
    async with post_office() as office:
        yield office


@pytest.fixture(scope="package")
def elsewhere() -> Iterator[Liar]:
    """Who signs people in elsewhere; each time it is somebody new."""
    with lying() as liar:
        liar.strangers = True
        yield liar


@pytest.fixture(scope="package")
async def texts() -> AsyncIterator[Twilio]:
    """Where the text messages of this Atrium arrive."""
    async with twilio() as texts:
        yield texts


@pytest.fixture(scope="package")
async def stripe() -> AsyncIterator[Stripe]:
    """Where payments to this Atrium are made."""
    async with Stripe.running() as stripe:
        yield stripe


@pytest.fixture(scope="package")
async def razorpay() -> AsyncIterator[Razorpay]:
    """Where others to it are made."""
    async with Razorpay.running() as razorpay:
        yield razorpay


@pytest.fixture(scope="package")
async def processes(
    store: AsyncDatabase[dict[str, Any]],
    redis_url: str,
    server_directory: Path,
    office: PostOffice,
    texts: Twilio,
    stripe: Stripe,
    razorpay: Razorpay,
    elsewhere: Liar,
    clamav_port: int,
) -> Processes:
    """Of this Atrium, whose database is migrated."""
    directory = server_directory / store.name
    directory.mkdir()
    os.environ["PUBLIC_URL"] = url = f"http://127.0.0.1:{free_port()}"  # tokens that tests make name the issuer
    own = {"PUBLIC_URL": url, "SMTP_URL": f"smtp://127.0.0.1:{office.port}", **_apart(redis_url)}
    own |= texts.environment | stripe.environment | razorpay.environment
    stripe.webhooks.append(Webhook(f"{url}/webhooks/stripe"))
    razorpay.webhooks.append(Webhook(f"{url}/webhooks/razorpay"))
    own |= {"CLAMAV_URL": f"tcp://127.0.0.1:{clamav_port}", "MEDIA_MAX_BYTES": "25000000"}
    own |= {"MEDIA_URL": f"file://{directory}/media"}
    own |= {"ACCESS_TOKEN_SECONDS": "3600", "PROOF_MINUTES": "1440", "DRAIN_SECONDS": "0"}
    own |= {"EGRESS_NETWORKS": "192.0.2.0/24,127.0.0.0/8"}  # nobody, and the tests' own receivers of webhooks
    own |= {"GOOGLE_ISSUER": elsewhere.url, "GOOGLE_CLIENT_ID": CLIENT.id, "GOOGLE_CLIENT_SECRET": CLIENT.secret}
    own |= {"FIREBASE_PROJECT_ID": PROJECT, "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:1"}  # whose tokens are unsigned
    own["USAGE_SECONDS"] = "86400"  # nothing is written by itself in the middle of a test
    own["ABSENCE_SECONDS"] = "86400"  # nobody is told of an absence in the middle of a test
    own |= {"FIREBASE_CREDENTIALS": os.devnull, "VAPID_KEY": "A" * 42 + "E"}
    # `node` is asked for everything of every type
    own |= {"GRAPHQL_MAX_FIELDS": "4000", "GRAPHQL_MAX_TOKENS": "10000", "GRAPHQL_MAX_ALIASES": "200"}
    processes = Processes(directory, store.name, GRAPHQL_EXECUTION="compare", **own)
    processes.run("migrate")
    return processes


@pytest.fixture(scope="package")
async def world(
    processes: Processes, store: AsyncDatabase[dict[str, Any]], office: PostOffice, elsewhere: Liar
) -> AsyncIterator[World]:
    """When everything is over, two promises are checked of all that was asked.

    S6: no command has named a tenant's collection without the tenant. Compiled execution has answered every query as
    graphql-core does.
    """
    url = processes.environment["PUBLIC_URL"]
    await tenant_filters.watch(store)
    children = [processes.start("worker", "worker"), processes.start("api", "serve", "--port", url.rpartition(":")[2])]
    await ready(url)
    async with httpx.AsyncClient(timeout=30) as http:
        world = World(url, http, store=store, office=office, elsewhere=elsewhere)
        world.staff = await world.person("Stella")
        processes.run("staff", "grant", world.staff.email)
        yield world
    for child in reversed(children):
        child.stop()
    assert not (strays := await tenant_filters.strays(store)), "\n".join(strays)
    assert not (places := [place for child in children for place in _differences(child)]), places


MOVING = ("lagSeconds", ".results.", ".seen", "previewDelivery")
"""What is another from one execution to the next: figures of this moment, and what would be said now."""


def _differences(child: Child) -> list[str]:
    """Where compiled execution answered something else than graphql-core, but for what is another every moment."""
    reports = [line for line in child.log_file.read_text().splitlines() if "graphql.executions_differ" in line]
    places = [place for report in reports for place in json.loads(report)["places"]]
    return [place for place in places if not any(name in place for name in MOVING)]


@pytest.fixture(scope="package")
async def twin(world: World, processes: Processes) -> AsyncIterator[World]:
    """Another API process of the same Atrium."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    child = processes.start("twin", "serve", "--port", str(port))
    await ready(url)
    async with httpx.AsyncClient(timeout=30) as http:
        yield World(url, http)
    child.stop()


def _apart(redis_url: str) -> dict[str, str]:
    """A database of Redis for themselves: their worker must not take the hints that other tests of the session send."""
    return {"REDIS_URL": f"{redis_url.rpartition('/')[0]}/1"}


@pytest.fixture(scope="package")
async def people(world: World) -> list[Person]:
    """Four people in no organization, whose accounts are made once: hashing their passwords is what takes long."""
    return [await world.person(name) for name in ("Olivia", "Ada", "Grace", "Edsger")]


@pytest.fixture
async def company(people: list[Person]) -> list[Person]:
    """An owner and two members of a new organization."""
    company = [replace(person) for person in people[:3]]
    await organization(*company)
    return company


@pytest.fixture(scope="package")
async def strangers(world: World) -> list[Person]:
    """An owner and members of an organization that has nothing to do with the company."""
    strangers = [await world.person(name) for name in ("Mallory", "Trudy", "Craig", "Sybil")]
    await organization(*strangers, name="Elsewhere")
    return strangers
