from collections.abc import Iterator

import pytest

from tests.api.sockets.clients import Served


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """The small GraphQL server, as production would run it, for tests that leave it alive and idle."""
    with Served() as server:
        yield server
