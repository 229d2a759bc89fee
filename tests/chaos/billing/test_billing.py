"""Money adds up over a year: `python -m tests.chaos.billing` has ten thousand subscriptions."""

from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.database import Document
from tests.chaos.billing.run import run


async def test_subscriptions_add_up_over_a_leap_year(documents: AsyncDatabase[Document]) -> None:
    await changes.prepare()
    year = await run(25, 8, deals=5, hours=72)
    assert year.problems == []
    happened = {"change", "seats", "pause", "refunds", "note", "late", "previews", "rehearsals", "declined"}
    assert happened <= set(year.counts)
