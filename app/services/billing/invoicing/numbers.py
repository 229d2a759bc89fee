"""Numbers without gaps: the next is taken in the transaction of what gets it, and goes back if that fails."""

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.models import NumberSeries, NumberSeriesDocument

INVOICES, CREDIT_NOTES = "INV", "CN"


async def take(seller: Actor, series: str) -> str:
    """The next number of a seller's series. RuntimeError outside a scope: the number could be lost."""
    if not changes.scoped():
        raise RuntimeError("a number is taken in the scope of what gets it")
    assert seller.organization_id
    first = NumberSeriesDocument(id=new_id(), organization_id=seller.organization_id, series=series)
    where = NumberSeries.within(seller, series=series)
    await changes.insert_once(first, where)
    taken = await changes.change(NumberSeries, where, {"$inc": {"last": 1}})
    assert taken, "it was made in this scope, or was there before"
    return written(series, taken.last)


def written(series: str, number: int) -> str:
    return f"{series}-{number:06}"
