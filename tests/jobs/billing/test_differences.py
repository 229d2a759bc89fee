"""What a provider has otherwise than it is kept here: each is kept once, healed, or open until staff has seen to it."""

import pytest

from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import AppError
from app.core.jobs import Permanent
from app.core.paging import PageArgs
from app.integrations.payments import About
from app.models import (
    PaymentDifference,
    PaymentState,
    Provider,
    Refund,
)
from app.models import PaymentDifferenceKind as Kind
from app.models import PaymentDifferenceState as State
from app.services.billing.paying import differences, provider_events, settlement
from app.services.billing.paying.differences import DifferenceSeen
from tests.factories.organizations import make_owner
from tests.integrations.vendor import Thing
from tests.jobs.billing.bazaar import Bazaar
from tests.jobs.billing.kiosk import Kiosk
from tests.jobs.billing.stage import PRICE, Stage


async def kept(*states: State) -> list[PaymentDifference]:
    page = await differences.newest(PageArgs(100, None))
    return [row for row in page.nodes if not states or row.state in states]


async def told(stage: Stage) -> None:
    await stage.deliver(stage.held())
    await stage.worker.settled()


async def charged(stage: Stage, **metadata: str) -> Thing:
    """Somebody has made a charge at Stripe, by hand."""
    new = {"amount": 700, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "metadata": metadata}
    return stage.stripe.payments.create(new)


async def test_what_was_never_told_is_kept_as_healed(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer)
    payment = await stage.checkout(customer)
    stage.pay(payment)
    lost = stage.held()
    await stage.reconcile()
    await stage.worker.settled()
    assert (await stage.row(payment)).state is PaymentState.SUCCEEDED
    rows = await kept()
    assert {row.state for row in rows} == {State.HEALED}
    assert {row.subject for row in rows if row.kind is Kind.NOTICE} >= {event["id"] for event in lost}
    [moved] = [row for row in rows if row.kind is Kind.PAYMENT]
    assert (moved.subject, moved.payment_id) == (f"Payment_{payment.id}", payment.id)
    assert (moved.seller_id, moved.detail) == (stage.seller.organization_id, "created, then succeeded")
    await stage.reconcile()
    assert len(await kept()) == len(rows)


async def test_a_charge_that_is_known_to_nobody_is_open(stage: Stage) -> None:
    owner = await make_owner()
    by_hand = await charged(stage)
    lost = await charged(stage, atrium_organization=str(owner.organization_id), atrium_payment=str(new_id()))
    await charged(stage, atrium_organization=str(new_id()), atrium_payment=str(new_id()))
    await charged(stage, atrium_organization=str(owner.organization_id), atrium_customer=str(new_id()))
    await told(stage)
    rows = {row.subject: row for row in await kept(State.OPEN)}
    assert rows.keys() == {by_hand["id"], lost["id"]}, "what another environment has made is not ours"
    assert {row.kind for row in rows.values()} == {Kind.UNKNOWN_CHARGE}
    assert rows[by_hand["id"]].seller_id is None
    assert (rows[lost["id"]].seller_id, rows[lost["id"]].detail) == (owner.organization_id, "700 EUR")


async def test_what_is_bought_in_all_ways_is_known(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer)
    stage.pay(await stage.checkout(customer))
    await stage.reaches(await stage.charge(customer), PaymentState.SUCCEEDED)
    await told(stage)
    assert await kept(State.OPEN) == []


async def test_a_mandate_is_no_charge_of_nobody(bazaar: Bazaar) -> None:
    """To save one takes a rupee."""
    customer = bazaar.customer()
    await bazaar.save(customer)
    await bazaar.charge(customer)
    bazaar.pay(await bazaar.checkout(customer))
    await bazaar.worker.settled()
    await bazaar.deliver(bazaar.held())
    await bazaar.worker.settled()
    assert await kept(State.OPEN) == []


async def test_what_is_bought_by_paypal_is_known(kiosk: Kiosk) -> None:
    customer = kiosk.customer()
    await kiosk.save(customer)
    await kiosk.reaches(await kiosk.charge(customer), PaymentState.SUCCEEDED)
    await kiosk.paid(customer)
    await kiosk.deliver(kiosk.held())
    await kiosk.worker.settled()
    assert await kept(State.OPEN) == []


async def test_a_refund_that_nobody_has_asked_for_is_booked_and_open(stage: Stage) -> None:
    payment = await stage.checkout(stage.customer())
    stage.pay(payment)
    await told(stage)
    made = stage.stripe.payments.refund({"payment_intent": (await stage.row(payment)).provider_ref, "amount": 50})
    await told(stage)
    [row] = await kept(State.OPEN)
    [refund] = await Refund.select(stage.seller)
    assert (row.kind, row.subject, row.payment_id) == (Kind.UNASKED_REFUND, made["id"], payment.id)
    assert row.detail == f"50 EUR, Refund_{refund.id}"
    await stage.check_book({"EUR": PRICE.amount - 50})


async def test_another_amount_books_nothing_and_is_open_once(stage: Stage) -> None:
    payment = await stage.checkout(stage.customer())
    intent = stage.pay(payment)
    intent["amount_received"] = 1
    await told(stage)
    for _ in range(2):
        await stage.reconcile()
    assert (await stage.row(payment)).state is PaymentState.CREATED
    [row] = await kept(State.OPEN)
    assert (row.kind, row.subject, row.payment_id) == (Kind.OTHER_AMOUNT, intent["id"], payment.id)
    assert row.times >= 3
    assert "1 EUR" in row.detail
    await stage.check_book({"EUR": 0})


async def test_what_comes_right_by_itself_is_healed(stage: Stage) -> None:
    payment = await stage.checkout(stage.customer())
    intent = stage.pay(payment)
    taken, intent["amount_received"] = intent["amount_received"], 1
    await told(stage)
    [row] = await kept(State.OPEN)
    intent["amount_received"] = taken
    await provider_events.look(Provider.STRIPE, About.PAYMENT, intent["id"])
    assert [one.id for one in await kept(State.HEALED)] == [row.id]
    assert (await stage.row(payment)).state is PaymentState.SUCCEEDED
    await stage.check_book({"EUR": PRICE.amount})


async def test_money_for_what_had_ended_is_open(stage: Stage) -> None:
    payment = await stage.checkout(stage.customer())
    await settlement.cancel(stage.seller, payment.id)
    intent = stage.pay(payment)
    with pytest.raises(Permanent):
        await provider_events.look(Provider.STRIPE, About.PAYMENT, intent["id"])
    [row] = await kept(State.OPEN)
    assert (row.kind, row.subject) == (Kind.PAID_AFTER_END, intent["id"])
    assert (await stage.row(payment)).state is PaymentState.CANCELLED


async def test_a_refund_above_the_payment_is_open(stage: Stage) -> None:
    payment = await stage.checkout(stage.customer())
    intent = stage.pay(payment)
    await told(stage)
    made = stage.stripe.payments.refund({"payment_intent": intent["id"]})
    made["amount"] = PRICE.amount + 1
    await told(stage)
    assert [(row.kind, row.subject) for row in await kept(State.OPEN)] == [(Kind.REFUND_ABOVE_PAYMENT, made["id"])]
    assert await Refund.select(stage.seller) == []


async def test_staff_sees_to_what_is_open_once_and_it_stays_so(stage: Stage) -> None:
    staff = Actor(None, new_id(), staff=True)
    await charged(stage)
    await told(stage)
    [row] = await kept(State.OPEN)
    given = DifferenceSeen(difference_id=row.id, note="A test of ours.")
    seen = await differences.see_to(staff, given)
    assert (seen.state, seen.note, seen.seen_to_by_id) == (State.SEEN_TO, given.note, staff.user_id)
    with pytest.raises(AppError) as refused:
        await differences.see_to(staff, given)
    assert refused.value.code == "ILLEGAL_TRANSITION"
    await provider_events.look(Provider.STRIPE, About.PAYMENT, row.subject)
    [again] = await kept()
    assert (again.state, again.times) == (State.SEEN_TO, row.times + 1)
    with pytest.raises(AppError) as refused:
        await differences.see_to(Actor(new_id(), new_id()), given)
    assert refused.value.code == "FORBIDDEN"


async def test_they_are_found_by_what_they_are_and_whose(stage: Stage) -> None:
    owner = await make_owner()
    await charged(stage)
    await charged(stage, atrium_organization=str(owner.organization_id), atrium_payment=str(new_id()))
    await told(stage)
    page = PageArgs(1, None)
    first = await differences.newest(page, state=State.OPEN)
    assert len(first.nodes) == 1
    assert first.has_next_page
    assert len((await differences.newest(PageArgs(10, None), seller_id=owner.organization_id)).nodes) == 1
    assert (await differences.newest(page, kind=Kind.OTHER_AMOUNT)).nodes == []
