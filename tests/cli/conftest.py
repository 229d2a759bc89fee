import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from tests.cli.commands import Commands, Store


@pytest.fixture(scope="module")
def store(mongodb_uri: str) -> Iterator[Store]:
    name = f"atrium_cli_{secrets.token_hex(6)}"
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture(scope="module")
def atrium(store: Store, redis_url: str) -> Iterator[Commands]:
    with pytest.MonkeyPatch.context() as patch:
        commands = Commands(store.name, patch)
        commands.run("migrate")
        yield commands
