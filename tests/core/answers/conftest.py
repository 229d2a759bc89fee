from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.core import signals
from app.dev.embedded import EmbeddedValkey
from tests.core.answers.processes import Process, process


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey that tests may kill if they start it again."""
    directory: Path = tmp_path_factory.mktemp("valkey")
    with EmbeddedValkey(directory) as running:
        yield running


@pytest.fixture
async def valkey(own_valkey: EmbeddedValkey) -> AsyncIterator[EmbeddedValkey]:
    """This process's signals, connected to a Valkey of its own."""
    signals.connect(own_valkey.url)
    yield own_valkey
    await signals.close()


@pytest.fixture
async def first() -> AsyncIterator[Process]:
    """A process."""
    made = process()
    yield made
    await made.answers.close()


@pytest.fixture
async def second() -> AsyncIterator[Process]:
    """Another one of the same release."""
    made = process()
    yield made
    await made.answers.close()
