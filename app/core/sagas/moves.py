"""The writes that move sagas. Each holds for one turn only, and carries the event that starts the next."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.changes.events import Event
from app.core.clock import now
from app.core.errors import Conflict, NotFound
from app.core.sagas.declaration import SagaType, Step
from app.core.sagas.saga import ENDED, Past, Saga, SagaMoved, SagaState

_CHANGED = {"$currentDate": {"changed_at": True}}


class PastReturn(Conflict):
    """The saga has ended, or has come to where it only goes forward."""

    code = "PAST_RETURN"


class NotStuck(Conflict):
    """Only a saga that is stuck can be resumed."""

    code = "NOT_STUCK"


async def start(kind: SagaType, actor: Actor, data: Mapping[str, Any], *events: Event) -> Saga:
    """Begin a saga in the actor's organization, with the running scope if there is one, and tell it."""
    step = kind.steps[0]
    saga = Saga(
        kind=kind.name,
        version=kind.version,
        organization_id=actor.organization_id,
        started_by=actor.name,
        step=step.name,
        due=None,
        data=dict(data),
    )
    saga.due = due = begins(step, saga)
    return await changes.insert(saga, SagaMoved(actor, saga=saga.id, turn=saga.turn, due=due), *events)


async def cancel(id: ObjectId, reason: str) -> Saga:
    """Let a saga take back what it did: at once, or as soon as the step that is being taken has ended.

    Raises NotFound and PastReturn.
    """
    while True:
        saga = await _require(id)
        if saga.stop and saga.state not in ENDED:
            return saga
        if saga.final or not saga.forward:
            raise PastReturn(
                "It is {state} at {step}, and cannot be cancelled any more.", state=saga.state.value, step=saga.step
            )
        if saga.working:
            where = {"_id": id, "turn": saga.turn, "working": True}
            moved = await changes.change(Saga, where, {"$set": {"stop": reason}})
        else:
            moved = await move(saga, turned_back(saga, stop=reason), where={"working": False})
        if moved:
            return moved


async def resume(id: ObjectId) -> Saga:
    """Let a stuck saga try its step again, now that what stopped it is mended. Raises NotFound and NotStuck."""
    saga = await _require(id)
    state = SagaState.RUNNING if saga.final else SagaState.COMPENSATING
    again = {"state": state.value, "due": now(), "attempt": 0, "error": None}
    moved = await move(saga, again, where={"state": SagaState.STUCK.value})
    if moved is None:
        raise NotStuck("It is {state}, not stuck.", state=saga.state.value)
    return moved


async def find(where: Mapping[str, Any]) -> Saga | None:
    found = await database.collection(Saga.collection).find_one(where, Saga.plan()[0], session=changes.session())
    return None if found is None else Saga.decode(found)


async def _require(id: ObjectId) -> Saga:
    saga = await find({"_id": id})
    if saga is None:
        raise NotFound("There is no such {kind}.", kind="Saga")
    return saga


async def begin(saga: Saga, *, final: bool = False) -> Saga | None:
    """Note that its step is being taken once more; None when the saga has moved on."""
    set = {"working": True, "final": final, "began_at": saga.began_at or now()}
    where = {"_id": saga.id, "turn": saga.turn}
    return await changes.change(Saga, where, {"$set": set, "$inc": {"attempt": 1}, **_CHANGED})


async def move(
    saga: Saga, set: Mapping[str, Any], *, past: Past | None = None, where: Mapping[str, Any] | None = None
) -> Saga | None:
    """Bring a saga to its next turn, which is taken when `set` names its `due`; None when it has moved on."""
    turn, due = saga.turn + 1, set.get("due")
    ended = now() if set.get("state") in ENDED else None
    kept = {"turn": turn, "due": due, "working": False, "ended_at": ended, **set}
    told = SagaMoved(Actor.platform(saga.organization_id), saga=saga.id, turn=turn, due=due) if due else None
    return await changes.change(
        Saga,
        {"_id": saga.id, "turn": saga.turn, **(where or {})},
        {"$set": kept, **({"$push": {"history": asdict(past)}} if past else {}), **_CHANGED},
        *([told] if told else []),
    )


def turned_back(saga: Saga, **set: Any) -> dict[str, Any]:
    """What makes a saga take its step back, and then those before it."""
    here = {"step": saga.step, "final": False, "attempt": 0, "began_at": None}
    return {"state": SagaState.COMPENSATING.value, "due": now(), **here, **set}


def begins(step: Step, saga: Saga) -> datetime:
    """When a step may begin that a saga has come to."""
    return step.due(saga) if step.due and saga.forward else now()
