from collections.abc import AsyncIterator

import pytest

from app.core import clock, database, signals
from app.models import SigningKey
from app.services.identity import signing_keys


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = clock.source

    def __call__(self) -> float:
        return self._real() + self.ahead


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "source", moving)
    return moving


@pytest.fixture
async def no_keys(documents: object) -> AsyncIterator[None]:
    """A platform that has signed nothing yet."""
    await database.collection(SigningKey.collection).delete_many({})
    signing_keys.forget()
    yield
    signing_keys.forget()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[None]:
    """This process's signals, connected."""
    signals.connect(redis_url)
    yield
    await signals.close()
