"""One running Atrium for all tests of this folder: a migrated database, an API process, a worker, a mail server."""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from tests.world import Person, Processes, World, free_port, organization, ready


@pytest.fixture(scope="session")
async def world(mongodb_uri: str, redis_url: str, server_directory: Path) -> AsyncIterator[World]:
    database = f"atrium_world_{secrets.token_hex(6)}"
    directory = server_directory / "world"
    directory.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    os.environ["PUBLIC_URL"] = url  # the tokens that tests make themselves name the issuer
    processes = Processes(directory, database, PUBLIC_URL=url)
    processes.run("migrate")
    children = [processes.start("worker", "worker"), processes.start("api", "serve", "--port", str(port))]
    await ready(url)
    yield World(url, database, directory)
    for child in reversed(children):
        child.stop()
    async with AsyncMongoClient[dict[str, object]](mongodb_uri) as client:
        await client.drop_database(database)


@pytest.fixture(scope="session")
async def people(world: World) -> AsyncIterator[list[Person]]:
    """Three people whose accounts are made once: hashing their passwords is what takes long."""
    people = [await world.person(name) for name in ("Olivia", "Ada", "Grace")]
    yield people
    for person in people:
        await person.http.aclose()


@pytest.fixture
async def company(people: list[Person]) -> list[Person]:
    """An owner and two members of a new organization."""
    await organization(*people)
    return people


@pytest.fixture
async def strangers(world: World) -> AsyncIterator[list[Person]]:
    """An owner and a member of an organization that has nothing to do with the company."""
    strangers = [await world.person(name) for name in ("Mallory", "Trudy")]
    await organization(*strangers, name="Elsewhere")
    yield strangers
    for stranger in strangers:
        await stranger.http.aclose()
