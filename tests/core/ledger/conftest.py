import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.actor import Actor
from app.core.clock import new_id
from app.core.database import Document
from tests.core.ledger.books import Book


@pytest.fixture
async def book(documents: AsyncDatabase[Document]) -> Book:
    """A new book."""
    return Book(Actor.platform(new_id()))
