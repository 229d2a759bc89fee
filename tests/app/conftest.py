"""One running Atrium for all tests of this folder: a migrated database, an API process, a worker."""

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
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
async def processes(store: AsyncDatabase[dict[str, Any]], redis_url: str, server_directory: Path) -> Processes:
    """Of this Atrium, whose database is migrated."""
    directory = server_directory / "world"
    directory.mkdir()
    os.environ["PUBLIC_URL"] = url = f"http://127.0.0.1:{free_port()}"  # tokens that tests make name the issuer
    own = {"PUBLIC_URL": url, "ACCESS_TOKEN_SECONDS": "3600", **_apart(redis_url)}
    processes = Processes(directory, store.name, DRAIN_SECONDS="0", **own)
    processes.run("migrate")
    return processes


@pytest.fixture(scope="session")
async def world(processes: Processes, store: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[World]:
    """S6: when everything is over, no command may have named a tenant's collection without the tenant."""
    url = processes.environment["PUBLIC_URL"]
    await tenant_filters.watch(store)
    children = [processes.start("worker", "worker"), processes.start("api", "serve", "--port", url.rpartition(":")[2])]
    await ready(url)
    async with httpx.AsyncClient(timeout=30) as http:
        world = World(url, http, store=store)
        world.staff = await world.person("Stella")
        processes.run("staff", "grant", world.staff.email)
        yield world
    for child in reversed(children):
        child.stop()
    assert not (strays := await tenant_filters.strays(store)), "\n".join(strays)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
async def people(world: World) -> list[Person]:
    """Four people in no organization, whose accounts are made once: hashing their passwords is what takes long."""
    return [await world.person(name) for name in ("Olivia", "Ada", "Grace", "Edsger")]


@pytest.fixture
async def company(people: list[Person]) -> list[Person]:
    """An owner and two members of a new organization."""
    company = [replace(person) for person in people[:3]]
    await organization(*company)
    return company


@pytest.fixture(scope="session")
async def strangers(world: World) -> list[Person]:
    """An owner and members of an organization that has nothing to do with the company."""
    strangers = [await world.person(name) for name in ("Mallory", "Trudy", "Craig", "Sybil")]
    await organization(*strangers, name="Elsewhere")
    return strangers
