"""Sagas, as staff sees and steers them, in every organization."""

from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes, sagas
from app.core.actor import Actor
from app.core.commands import Command, Ref
from app.core.paging import NEWEST, Page, PageArgs
from app.core.sagas import SagaState
from app.models import Saga
from app.services.platform import acts


class SagaAction(Command):
    """A saga."""

    saga_id: Annotated[ObjectId, Ref("Saga")]


class SagaCancellation(SagaAction):
    """A saga that shall take back what it did, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


async def newest(actor: Actor, page: PageArgs, state: SagaState | None = None) -> Page[Saga]:
    """Sagas, the one that began last first; in one state, if one is named."""
    return await Saga.page(actor, page, {"state": state.value} if state else None, NEWEST)


async def find(actor: Actor, id: ObjectId) -> Saga | None:
    return await Saga.lookup(actor, _id=id)


@changes.atomic
async def resume(actor: Actor, given: SagaAction) -> Saga:
    """Let a stuck saga try its step again. Raises NotFound or sagas.NotStuck."""
    await Saga.require(actor, given.saga_id)
    await sagas.resume(given.saga_id)
    acts.tell(actor, "resume", "saga", given.saga_id)
    return await Saga.require(actor, given.saga_id)


@changes.atomic
async def cancel(actor: Actor, given: SagaCancellation) -> Saga:
    """Let a saga take back what it did. Raises NotFound or sagas.PastReturn."""
    await Saga.require(actor, given.saga_id)
    await sagas.cancel(given.saga_id, given.reason)
    acts.tell(actor, "cancel", "saga", given.saga_id)
    return await Saga.require(actor, given.saga_id)
