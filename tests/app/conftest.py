"""One running Atrium for all tests of this folder: a migrated database, an API process, a worker."""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests import tenant_filters
from tests.world import Person, Processes, World, free_port, organization, ready


@pytest.fixture(scope="session")
async def store(mongodb_uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The database of this Atrium: to see what is kept, and to let time pass."""
    name = f"atrium_world_{secrets.token_hex(6)}"
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client.get_database(name, CodecOptions(tz_aware=True))
        await client.drop_database(name)


@pytest.fixture(scope="session")
async def world(store: AsyncDatabase[dict[str, Any]], redis_url: str, server_directory: Path) -> AsyncIterator[World]:
    """S6: when everything is over, no command may have named a tenant's collection without the tenant."""
    directory = server_directory / "world"
    directory.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    os.environ["PUBLIC_URL"] = url  # the tokens that tests make themselves name the issuer
    processes = Processes(directory, store.name, PUBLIC_URL=url, DRAIN_SECONDS="0")
    processes.run("migrate")
    await tenant_filters.watch(store)
    children = [processes.start("worker", "worker"), processes.start("api", "serve", "--port", str(port))]
    await ready(url)
    yield World(url, store.name, directory)
    for child in reversed(children):
        child.stop()
    assert not (strays := await tenant_filters.strays(store)), "\n".join(strays)


@pytest.fixture(scope="session")
async def twin(world: World) -> AsyncIterator[World]:
    """Another API process of the same Atrium."""
    port = free_port()
    processes = Processes(world.directory, world.database, PUBLIC_URL=world.url, DRAIN_SECONDS="0")
    child = processes.start("twin", "serve", "--port", str(port))
    twin = World(f"http://127.0.0.1:{port}", world.database, world.directory)
    await ready(twin.url)
    yield twin
    child.stop()


@pytest.fixture(scope="session")
async def people(world: World) -> AsyncIterator[list[Person]]:
    """Four people whose accounts are made once: hashing their passwords is what takes long."""
    people = [await world.person(name) for name in ("Olivia", "Ada", "Grace", "Edsger")]
    yield people
    for person in people:
        await person.http.aclose()


@pytest.fixture
async def company(people: list[Person]) -> list[Person]:
    """An owner and two members of a new organization."""
    olivia, ada, grace, _ = people
    await organization(olivia, ada, grace)
    return [olivia, ada, grace]


@pytest.fixture(scope="session")
async def strangers(world: World) -> AsyncIterator[list[Person]]:
    """An owner and a member of an organization that has nothing to do with the company."""
    strangers = [await world.person(name) for name in ("Mallory", "Trudy")]
    await organization(*strangers, name="Elsewhere")
    yield strangers
    for stranger in strangers:
        await stranger.http.aclose()
