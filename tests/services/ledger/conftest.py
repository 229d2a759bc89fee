import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from tests.services.ledger.school import School


@pytest.fixture
async def school(documents: AsyncDatabase[Document]) -> School:
    """A new one, whose buyer has a thousand euros."""
    school = await School.open()
    await school.fill("wallet", school.buyer, 100_000)
    return school
