from collections.abc import AsyncIterator

import pytest

from app.core import signals


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[None]:
    """This process's signals, connected."""
    signals.connect(redis_url)
    yield
    await signals.close()
