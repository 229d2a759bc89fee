from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.database import Document
from app.services.platform import acts


async def test_what_staff_does_is_told_to_no_organization(documents: AsyncDatabase[Document]) -> None:
    """Somebody on the staff may work in an organization besides: it is not its business."""
    actor = Actor(new_id(), new_id(), staff=True)

    async def act() -> None:
        acts.tell(actor, "retry", "job", "one", "two")

    rows = [event.row() for event in (await changes.rehearse(act)).events]
    assert [(row["o"], row["s"], row["a"]) for row in rows] == [(None, ["platform"], f"u:{actor.user_id}")] * 2
    assert [row["d"] for row in rows] == [
        {"action": "retry", "kind": "job", "subject": name} for name in ("one", "two")
    ]
