"""In what providers and what is kept here have differed: kept, healed or not, until somebody has seen to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Annotated

import structlog
from bson import ObjectId
from pydantic import Field

from app.core import changes, metrics
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.jobs import Permanent
from app.core.machines import Machine, Transition, only_platform
from app.core.paging import Page, PageArgs
from app.models import (
    PaymentDifference,
    PaymentDifferenceDocument,
    PaymentDifferenceKind,
    PaymentDifferenceState,
    Provider,
)
from app.models.billing.payment_events import PaymentDifferenceSeenTo

PLATFORM = Actor.platform()
LONGEST = 500
"""Characters of what is said of one."""
DIFFERENCE = Machine(
    Transition("see_to", frozenset({PaymentDifferenceState.OPEN}), PaymentDifferenceState.SEEN_TO),
    Transition("heal", frozenset({PaymentDifferenceState.OPEN}), PaymentDifferenceState.HEALED, only_platform),
)
OF_CHARGES = (
    PaymentDifferenceKind.UNKNOWN_CHARGE,
    PaymentDifferenceKind.OTHER_AMOUNT,
    PaymentDifferenceKind.PAID_AFTER_END,
)

_log = structlog.stdlib.get_logger(__name__)


class Differs(Permanent):
    """What a provider says cannot be, by what is kept here: nothing is booked, and somebody has to look at it."""

    def __init__(self, kind: PaymentDifferenceKind, ref: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.ref = kind, ref


@dataclass(frozen=True, slots=True)
class Whose:
    """The seller and the payment that a difference is about, as far as they are known."""

    seller_id: ObjectId | None = None
    payment_id: ObjectId | None = None


NOBODYS = Whose()


class DifferenceSeen(Command):
    """That somebody has seen to a difference, and what has become of it."""

    difference_id: Annotated[ObjectId, Ref("PaymentDifference")]
    note: Annotated[str, Field(min_length=1, max_length=2_000)]


async def newest(
    page: PageArgs,
    *,
    state: PaymentDifferenceState | None = None,
    kind: PaymentDifferenceKind | None = None,
    seller_id: ObjectId | None = None,
) -> Page[PaymentDifference]:
    """Those of every provider and organization, those last that were found first."""
    given = {"state": state and state.value, "kind": kind and kind.value, "seller_id": seller_id}
    return await PaymentDifference.page(PLATFORM, page, {name: value for name, value in given.items() if value})


async def find(actor: Actor, id: ObjectId) -> PaymentDifference | None:
    return await PaymentDifference.lookup(actor, _id=id)


@changes.atomic
async def see_to(actor: Actor, given: DifferenceSeen) -> PaymentDifference:
    """Say that a difference was seen to. Raises NotFound and IllegalTransition."""
    row = await PaymentDifference.lookup(actor, _id=given.difference_id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="PaymentDifference", path=["input", "differenceId"])
    DIFFERENCE.check(actor, row, "see_to")
    told = PaymentDifferenceSeenTo(replace(actor, organization_id=None), difference=row.id)
    return await DIFFERENCE.move(
        actor, row, "see_to", told, note=given.note, seen_to_at=now(), seen_to_by_id=actor.user_id
    )


@changes.atomic
async def note(
    provider: Provider,
    kind: PaymentDifferenceKind,
    subject: str,
    whose: Whose = NOBODYS,
    detail: str = "",
    *,
    healed: bool = False,
) -> None:
    """Keep a difference, in the scope if there is one; found again, it counts once more and stays as it is."""
    moment = now()
    made = PaymentDifferenceDocument(
        id=new_id(),
        provider=provider,
        kind=kind,
        subject=subject[:LONGEST],
        detail=detail[:LONGEST],
        seller_id=whose.seller_id,
        payment_id=whose.payment_id,
        state=PaymentDifferenceState.HEALED if healed else PaymentDifferenceState.OPEN,
        found_at=moment,
        last_found_at=moment,
        changed_at=moment,
    )
    where = PaymentDifference.within(PLATFORM, provider=provider.value, kind=kind.value, subject=made.subject)
    row, new = await changes.insert_once(made, where)
    if not new:
        again = {"$inc": {"times": 1}, "$set": {"last_found_at": moment, "detail": made.detail}}
        await changes.change(PaymentDifference, PaymentDifference.within(PLATFORM, _id=row.id), again)
    elif not healed:
        metrics.RECONCILED.labels(provider.value, kind.value).inc()
        _log.warning("billing.differs", provider=provider.value, kind=kind.value, subject=subject, detail=detail)


async def heal(provider: Provider, ref: str) -> None:
    """What was open of a charge has come right by itself: it is known and booked now."""
    which = {"kind": {"$in": [kind.value for kind in OF_CHARGES]}, "state": PaymentDifferenceState.OPEN.value}
    for row in await PaymentDifference.select(PLATFORM, {"provider": provider.value, "subject": ref, **which}):
        with suppress(Conflict):  # somebody on the staff was faster
            await DIFFERENCE.move(PLATFORM, row, "heal")


@asynccontextmanager
async def noted(provider: Provider, whose: Whose) -> AsyncIterator[None]:
    """Keep what differs so that nothing can be booked, around the scope that is given up for it."""
    try:
        yield
    except Differs as error:
        await note(provider, error.kind, error.ref, whose, str(error))
        raise
