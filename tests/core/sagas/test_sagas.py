"""Sagas: every step in its order, or everything taken back; nothing in between."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock, sagas
from app.core.changes.envelope import unpack
from app.core.database import Document
from app.core.errors import NotFound
from app.core.sagas import (
    Again,
    Answer,
    Conductor,
    NotStuck,
    PastReturn,
    Saga,
    SagaState,
    SagaType,
    Step,
    UnknownSaga,
    moves,
)
from tests.core.sagas.journeys import ACTOR, JOURNEY, STEPS, book, bookings, found, give_back, past, steps, turn, walk

Database = AsyncDatabase[Document]
CONDUCTOR = Conductor(JOURNEY)


async def test_steps_are_taken_in_their_order(empty: Database) -> None:
    saga = await walk(await sagas.start(JOURNEY, ACTOR, {"to": "Oslo"}), CONDUCTOR)
    assert (saga.state, past(saga)) == (SagaState.DONE, list(STEPS))
    assert saga.data == {"to": "Oslo", "flight": "booked", "hotel": "booked", "car": "booked"}
    assert sorted(await bookings(saga)) == sorted(STEPS)
    assert saga.ended_at
    assert (saga.due, saga.turn) == (None, 4)


async def test_every_turn_rides_in_the_write_that_makes_it(empty: Database) -> None:
    """The envelope of the document is that of its newest turn; one that has ended tells of no further turn."""
    saga = await sagas.start(JOURNEY, ACTOR, {})
    for number in (1, 2, 3):
        row = await empty.sagas.find_one({"_id": saga.id})
        assert row
        told = unpack(row["_events"])
        assert [(event["d"]["saga"], event["d"]["turn"]) for event in told] == [(saga.id, number)]
        assert told[0]["o"] == ACTOR.organization_id
        await CONDUCTOR.take(turn(await found(saga)))
    assert (await found(saga)).state is SagaState.DONE


async def test_a_step_that_fails_for_good_takes_back_what_was_done_the_newest_first(empty: Database) -> None:
    saga = await walk(await sagas.start(JOURNEY, ACTOR, {"fails": "car"}), CONDUCTOR)
    assert saga.state is SagaState.COMPENSATED
    assert past(saga) == ["flight", "hotel", "car!", "-car", "-hotel", "-flight"]
    assert saga.history[2].error == "Permanent('no car')"
    assert await bookings(saga) == []


async def test_a_step_that_stumbles_is_tried_again(empty: Database) -> None:
    saga = await walk(await sagas.start(JOURNEY, ACTOR, {"stumbles": "hotel"}), CONDUCTOR)
    assert (saga.state, past(saga)) == (SagaState.DONE, list(STEPS))
    assert [one.attempts for one in saga.history] == [1, 3, 1]


async def test_a_step_whose_attempts_are_used_up_has_failed(empty: Database) -> None:
    kind = SagaType("journey", *steps(attempts=2))
    saga = await walk(await sagas.start(kind, ACTOR, {"stumbles": "hotel"}), Conductor(kind))
    assert past(saga) == ["flight", "hotel!", "-hotel", "-flight"]
    assert saga.history[1].error == "ConnectionError('attempt 2')"


async def test_a_step_whose_service_is_away_waits_and_loses_no_attempt(empty: Database) -> None:
    class Away(Exception):
        retry_after = 0.01

    async def call(saga: Saga) -> Answer:
        tries = await empty.tries.count_documents({})
        await empty.tries.insert_one({})
        if tries < 3:
            raise Away
        return None

    kind = SagaType("calls", Step("call", call, attempts=1))
    saga = await walk(await sagas.start(kind, ACTOR, {}), Conductor(kind))
    assert (saga.state, saga.history[0].attempts) == (SagaState.DONE, 1)


async def test_a_process_that_ends_in_the_last_attempt_counts_too(empty: Database) -> None:
    kind = SagaType("journey", *steps(attempts=1))
    saga = await sagas.start(kind, ACTOR, {})
    assert await moves.begin(saga)  # and then its process was killed
    saga = await walk(saga, Conductor(kind))
    assert past(saga) == ["flight!", "-flight"]


async def test_a_step_that_takes_too_long_has_failed(empty: Database) -> None:
    async def hang(saga: Saga) -> Answer:
        await asyncio.Event().wait()
        return None

    kind = SagaType("slow", Step("hang", hang, give_back, attempts=1, timeout=0.5))
    saga = await walk(await sagas.start(kind, ACTOR, {}), Conductor(kind))
    assert (saga.state, saga.history[0].error) == (SagaState.COMPENSATED, "TimeoutError()")


async def test_what_can_be_neither_done_nor_taken_back_waits_for_somebody(empty: Database) -> None:
    saga = await walk(await sagas.start(JOURNEY, ACTOR, {"fails": "car", "keeps": "hotel"}), CONDUCTOR)
    assert (saga.state, saga.step, saga.due) == (SagaState.STUCK, "hotel", None)
    assert past(saga)[-2:] == ["-car", "-hotel!"]
    assert sorted(await bookings(saga)) == ["flight", "hotel"]
    await empty.sagas.update_one({"_id": saga.id}, {"$set": {"data.keeps": None}})
    saga = await walk(await sagas.resume(saga.id), CONDUCTOR)
    assert (saga.state, await bookings(saga)) == (SagaState.COMPENSATED, [])
    with pytest.raises(NotStuck):
        await sagas.resume(saga.id)
    for act in (sagas.resume(ACTOR.organization_id), sagas.cancel(ACTOR.organization_id, "no")):  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await act


async def test_beyond_the_point_of_no_return_it_only_goes_forward(empty: Database) -> None:
    flight, _, car = steps()
    kind = SagaType("journey", flight, Step("hotel", book, give_back, final=True), car)
    conductor = Conductor(kind)
    saga = await sagas.start(kind, ACTOR, {"fails": "car"})
    for _ in range(2):
        await conductor.take(turn(await found(saga)))
    with pytest.raises(PastReturn):
        await sagas.cancel(saga.id, "too late")
    saga = await walk(saga, conductor)
    assert (saga.state, past(saga)) == (SagaState.STUCK, ["flight", "hotel", "car!"])
    await empty.sagas.update_one({"_id": saga.id}, {"$set": {"data.fails": None}})
    saga = await walk(await sagas.resume(saga.id), conductor)
    assert (saga.state, sorted(await bookings(saga))) == (SagaState.DONE, sorted(STEPS))


async def test_there_is_a_way_back_until_the_final_step_has_begun(empty: Database) -> None:
    flight, *_ = steps()
    kind = SagaType("journey", flight, Step("hotel", book, final=True))
    conductor = Conductor(kind)
    saga = await sagas.start(kind, ACTOR, {})
    await conductor.take(turn(saga))
    await sagas.cancel(saga.id, "just in time")
    saga = await walk(saga, conductor)
    assert (saga.state, past(saga)) == (SagaState.CANCELLED, ["flight", "-flight"])


async def test_a_step_waits_until_it_is_due_and_can_be_cancelled_meanwhile(empty: Database) -> None:
    flight, *_ = steps()
    later = Step("hotel", book, give_back, due=lambda saga: saga.data["due"])
    kind = SagaType("journey", flight, later)
    due = clock.now() + timedelta(days=14)
    saga = await sagas.start(kind, ACTOR, {"due": due})
    await Conductor(kind).take(turn(saga))
    assert (await found(saga)).due == due
    cancelled = await sagas.cancel(saga.id, "we stay at home")
    assert (cancelled.state, cancelled.stop) == (SagaState.COMPENSATING, "we stay at home")
    saga = await walk(saga, Conductor(kind))
    assert (saga.state, past(saga)) == (SagaState.CANCELLED, ["flight", "-hotel", "-flight"])
    assert await bookings(saga) == []
    with pytest.raises(PastReturn):
        await sagas.cancel(saga.id, "again")


async def test_who_cancels_while_a_step_is_taken_waits_for_it(empty: Database) -> None:
    """Else what the step does and what takes it back would happen at once."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(saga: Saga) -> Answer:
        begun.set()
        await go_on.wait()
        return await book(saga)

    kind = SagaType("journey", Step("flight", slow, give_back), *steps()[1:])
    conductor = Conductor(kind)
    saga = await sagas.start(kind, ACTOR, {})
    taking = asyncio.create_task(conductor.take(turn(saga)))
    await begun.wait()
    cancelled = await sagas.cancel(saga.id, "no")
    assert (cancelled.state, cancelled.turn) == (SagaState.RUNNING, 1)
    assert (await sagas.cancel(saga.id, "really not")).stop == "no"
    go_on.set()
    await taking
    assert (await found(saga)).state is SagaState.COMPENSATING
    saga = await walk(saga, conductor)
    assert (saga.state, past(saga)) == (SagaState.CANCELLED, ["flight", "-flight"])
    assert await bookings(saga) == []


async def test_a_saga_cancelled_while_its_process_died_is_not_taken_further(empty: Database) -> None:
    saga = await sagas.start(JOURNEY, ACTOR, {})
    assert await moves.begin(saga)  # and then its process was killed
    await sagas.cancel(saga.id, "no")
    saga = await walk(saga, CONDUCTOR)
    assert (saga.state, past(saga)) == (SagaState.CANCELLED, ["-flight"])
    assert await empty.calls.distinct("reference") == [f"{saga.id}:flight:undo"]


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.002, 0.004, 0.008, 0.016])
async def test_a_cancellation_that_races_with_the_end_of_the_grace_period_wins_or_loses_whole(
    empty: Database, delay: float
) -> None:
    flight, _, _ = steps()
    kind = SagaType("journey", flight, Step("hotel", book, final=True))
    conductor = Conductor(kind)
    saga = await sagas.start(kind, ACTOR, {})

    async def cancel() -> bool:
        await asyncio.sleep(delay)
        try:
            await sagas.cancel(saga.id, "no")
        except PastReturn:
            return False
        return True

    ended, cancelled = await asyncio.gather(walk(saga, conductor), cancel())
    assert ended.state is (SagaState.CANCELLED if cancelled else SagaState.DONE)
    assert sorted(await bookings(saga)) == ([] if cancelled else ["flight", "hotel"])


async def test_a_step_that_is_not_finished_is_called_again_and_its_history_does_not_grow(empty: Database) -> None:
    async def some(saga: Saga) -> Answer:
        left = saga.data["left"] - 1
        return Again({"left": left}) if left else {"left": 0}

    kind = SagaType("batches", Step("some", some, attempts=1))
    saga = await walk(await sagas.start(kind, ACTOR, {"left": 5}), Conductor(kind))
    assert (saga.state, saga.data, past(saga), saga.turn) == (SagaState.DONE, {"left": 0}, ["some"], 6)
    assert saga.history[0].began_at < saga.history[0].ended_at


async def test_a_step_may_ask_to_be_called_later(empty: Database) -> None:
    due = clock.now() + timedelta(hours=1)

    async def later(saga: Saga) -> Answer:
        return Again(due=due)

    kind = SagaType("later", Step("later", later))
    saga = await sagas.start(kind, ACTOR, {})
    await Conductor(kind).take(turn(saga))
    waiting = await found(saga)
    assert (waiting.due, waiting.working, waiting.attempt) == (due, False, 0)
    assert (await sagas.cancel(saga.id, "no")).state is SagaState.COMPENSATING, "it is not being taken: at once"


async def test_steps_without_a_way_back_are_passed_over(empty: Database) -> None:
    flight, _, car = steps()
    kind = SagaType("journey", flight, Step("hotel", book), car)
    saga = await walk(await sagas.start(kind, ACTOR, {"fails": "car"}), Conductor(kind))
    assert past(saga) == ["flight", "hotel", "car!", "-car", "-flight"]
    saga = await walk(await sagas.start(kind, ACTOR, {"fails": "hotel"}), Conductor(kind))
    assert past(saga) == ["flight", "hotel!", "-flight"]


async def test_a_saga_that_is_not_known_stays_as_it_is(empty: Database) -> None:
    saga = await sagas.start(SagaType("journey", *JOURNEY.steps, version=2), ACTOR, {})
    before = await empty.sagas.find_one({"_id": saga.id})
    for unknowing in (Conductor(), CONDUCTOR):
        with pytest.raises(UnknownSaga, match=r"journey\.2"):
            await unknowing.take(turn(saga))
    assert await empty.sagas.find_one({"_id": saga.id}) == before


async def test_a_turn_is_taken_once(empty: Database) -> None:
    saga = await sagas.start(JOURNEY, ACTOR, {})
    first = turn(saga)
    await asyncio.gather(*(CONDUCTOR.take(first) for _ in range(5)))
    await CONDUCTOR.take(first)
    now = await found(saga)
    assert (now.turn, past(now), await bookings(saga)) == (2, ["flight"], ["flight"])


async def test_a_saga_begins_with_the_scope_or_not_at_all(empty: Database) -> None:
    @changes.atomic
    async def ask(fails: bool) -> None:
        await sagas.start(JOURNEY, ACTOR, {})
        if fails:
            raise LookupError

    with pytest.raises(LookupError):
        await ask(True)
    assert await empty.sagas.count_documents({}) == await empty.outbox.count_documents({}) == 0
    await ask(False)
    assert await empty.sagas.count_documents({}) == await empty.outbox.count_documents({}) == 1


def test_a_declaration_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="needs steps"):
        SagaType("empty")
    with pytest.raises(ValueError, match="name of its own"):
        SagaType("twice", *steps(), *steps())
    with pytest.raises(ValueError, match="answer Again instead"):
        SagaType("slow", Step("slow", book, timeout=3600))
    with pytest.raises(ValueError, match="one name and version"):
        Conductor(JOURNEY, JOURNEY)
