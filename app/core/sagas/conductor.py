"""The conductor: takes the step to which a saga has come, and moves the saga by what became of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from app.core.clock import now
from app.core.jobs.declaration import Permanent
from app.core.metrics import SAGA_STEPS
from app.core.sagas import moves
from app.core.sagas.declaration import Again, Answer, SagaType
from app.core.sagas.saga import Past, Saga, SagaMoved, SagaState

_MAX_ERROR = 2_000

_log = structlog.stdlib.get_logger(__name__)


class UnknownSaga(Exception):
    """This process does not know the saga's kind or version; another does, or will: the saga stays as it is."""

    retry_after = 15.0


class Conductor:
    """Moves the sagas of some types, from the job of each SagaMoved."""

    def __init__(self, *types: SagaType) -> None:
        """Raises ValueError for two types of one name and version."""
        self._types = {(kind.name, kind.version): kind for kind in types}
        if len(self._types) < len(types):
            raise ValueError("two sagas have one name and version")

    async def take(self, moved: SagaMoved) -> None:
        """Take the step of this turn, unless the saga has moved on. Raises UnknownSaga.

        A step that fails moves the saga as well: to another attempt, back, or to a stop.
        """
        saga = await moves.find({"_id": moved.saga, "turn": moved.turn})
        if saga is None:
            return
        kind = self._types.get((saga.kind, saga.version))
        if kind is None:
            raise UnknownSaga(f"{saga.kind}.{saga.version} is not known here")
        begun = await moves.begin(saga, final=saga.forward and kind.final(saga.step))
        if begun is None:
            return
        named = {"saga": str(saga.id), "kind": saga.kind, "step": saga.step, "attempt": begun.attempt}
        with structlog.contextvars.bound_contextvars(**named):
            if begun.forward and begun.stop:
                await moves.move(begun, moves.turned_back(begun))
                return
            try:
                answer = await _call(kind, begun)
            except Exception as error:
                outcome = await _failed(kind, begun, error)
            else:
                outcome = await _succeeded(kind, begun, answer)
        SAGA_STEPS.labels(kind.name, outcome).inc()


async def _call(kind: SagaType, saga: Saga) -> Answer:
    step = kind[saga.step]
    act = step.run if saga.forward else step.undo
    if saga.attempt > step.attempts:
        raise Permanent("its process ended in the last attempt")
    if act is None:
        return None
    async with asyncio.timeout(step.timeout):
        return await act(saga)


async def _succeeded(kind: SagaType, saga: Saga, answer: Answer) -> str:
    data = answer.data if isinstance(answer, Again) else answer or {}
    told = {f"data.{name}": value for name, value in data.items()}
    if isinstance(answer, Again):
        await _move(saga, {**told, "due": answer.due or now(), "attempt": 0, "error": None})
        return "again"
    known = replace(saga, data={**saga.data, **data})
    await _move(saga, {**told, **_onward(kind, known)}, None if _idle(kind, saga) else _past(saga))
    return "done"


async def _failed(kind: SagaType, saga: Saga, error: Exception) -> str:
    step, told = kind[saga.step], repr(error)[:_MAX_ERROR]
    rest = getattr(error, "retry_after", None)  # what it needs is away: that is no failure of the step
    if rest is not None or (saga.attempt < step.attempts and not isinstance(error, Permanent)):
        pause = step.backoff.pause(saga.attempt) if rest is None else rest
        counted = saga.attempt if rest is None else saga.attempt - 1
        _log.warning("saga_step_failed", error=told[:500], again_in=round(pause, 1))
        await _move(saga, {"due": now() + timedelta(seconds=pause), "attempt": counted, "error": told})
        return "failed" if rest is None else "postponed"
    if saga.forward and not saga.final:
        _log.error("saga_turns_back", exc_info=error)
        await moves.move(saga, moves.turned_back(saga, error=told), past=_past(saga, told))
        return "turned_back"
    _log.critical("saga_stuck", exc_info=error)
    await moves.move(saga, {"state": SagaState.STUCK.value, "error": told}, past=_past(saga, told))
    return "stuck"


async def _move(saga: Saga, set: Mapping[str, Any], past: Past | None = None) -> None:
    """Move a saga; one that somebody has cancelled meanwhile is turned back."""
    if not saga.forward:
        await moves.move(saga, set, past=past)
    elif not await moves.move(saga, set, past=past, where={"stop": None}):
        await moves.move(saga, {**set, **moves.turned_back(saga)}, past=past)


def _onward(kind: SagaType, saga: Saga) -> dict[str, Any]:
    """What brings a saga from a step that is behind it to the next, or to its end."""
    step = kind.beside(saga.step, forward=saga.forward)
    while step and not saga.forward and step.undo is None:
        step = kind.beside(step.name, forward=False)
    if step is None:
        end = SagaState.DONE if saga.forward else SagaState.CANCELLED if saga.stop else SagaState.COMPENSATED
        return {"state": end.value}
    fresh = {"attempt": 0, "began_at": None, "error": None}
    return {"step": step.name, "due": moves.begins(step, saga), **fresh}


def _idle(kind: SagaType, saga: Saga) -> bool:
    """Whether there was nothing to take back."""
    return not saga.forward and kind[saga.step].undo is None


def _past(saga: Saga, error: str | None = None) -> Past:
    moment = now()
    return Past(saga.step, not saga.forward, saga.began_at or moment, moment, saga.attempt, error)
