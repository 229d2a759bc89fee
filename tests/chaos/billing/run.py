"""Random subscriptions over a year: what customers, sellers, banks and the clock do to them."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from app.core import clock
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import AppError
from app.core.money import Minor, Money
from app.models import Collection, CreditKind, CustomerKind, Invoice, InvoiceState, Price, Subscription
from app.services.billing.invoicing import credits, dues, inputs
from app.services.billing.subscribing import subscriptions
from app.services.billing.subscribing.subscriptions import (
    Cancellation,
    NewSubscription,
    Pause,
    SubscriptionAction,
    When,
)
from app.services.billing.subscribing.subscriptions import SubscriptionRevision as Revision
from tests.chaos.billing.town import BEGIN, USE, Town, moment, tell_the_time

IN_A_TOWN = 50
YEAR = timedelta(days=370)
DEALS: tuple[str, ...] = ("change", "change", "seats", "later", "pause", "resume", "renew", "cancel", "keep")
DEALS += ("note", "refund", "dispute", "credit", "price", "void", "use", "use", "late")


@dataclass
class Year:
    """What became of it all."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


async def run(subscribers: int, seed: int, *, at_once: int = 8, deals: int = 8, hours: int = 18) -> Year:
    """Let so many customers live through a year, some sellers at once; each makes so many deals, on average.

    The clock is looked at every so many hours, on average.
    """
    year, turns = Year(), asyncio.Semaphore(at_once)
    real, known = clock.source, (inputs.read_usage, inputs.close_usage)
    clock.source, inputs.read_usage, inputs.close_usage = tell_the_time, USE.total, USE.close

    async def live(number: int, size: int) -> None:
        async with turns:
            moment.set(BEGIN)
            dice = Random(f"{seed}/{number}")
            town = await Town.found(dice)
            await _year(town, dice, size, deals, hours, year)
            year.problems += [f"seed {seed}, town {number}: {one}" for one in (*town.problems, *await town.check())]
            year.counts += town.counts

    try:
        sizes = [min(IN_A_TOWN, subscribers - first) for first in range(0, subscribers, IN_A_TOWN)]
        async with asyncio.TaskGroup() as group:
            for number, size in enumerate(sizes):
                group.create_task(live(number, size))
    finally:
        clock.source, (inputs.read_usage, inputs.close_usage) = real, known
    return year


async def _year(town: Town, dice: Random, size: int, deals: int, hours: int, year: Year) -> None:
    customers: list[tuple[Actor, Subscription]] = []
    arrivals = sorted(BEGIN + timedelta(seconds=dice.randrange(90 * 86_400)) for _ in range(size))
    share = size * deals / (YEAR / timedelta(hours=hours))
    while (at := moment.get()) < BEGIN + YEAR:
        while arrivals and arrivals[0] <= at:
            moment.set(max(arrivals.pop(0), at - timedelta(hours=1)))
            if (new := await _arrive(town, dice)) is not None:
                customers.append(new)
        moment.set(at)
        for _ in range(int(share) + (dice.random() < share % 1)):
            if customers:
                place = dice.randrange(len(customers))
                await _deal(town, dice, *customers[place], year)
        moment.set(
            at + timedelta(seconds=dice.randrange(hours * 1_200, hours * 6_000), milliseconds=dice.randrange(1_000))
        )
        await town.tick(dice)


async def _arrive(town: Town, dice: Random) -> tuple[Actor, Subscription] | None:
    customer, price = await town.customer(), dice.choice(town.prices)
    new = NewSubscription(
        price_id=price.id,
        seats=dice.choice((1, 1, 3, 20)),
        renews=dice.random() < 0.85,
        collection=dice.choice((Collection.AUTOMATIC, Collection.AUTOMATIC, Collection.MANUAL)),
    )
    made = await subscriptions.subscribe(customer, new)
    town.counts["subscriptions"] += 1
    await town.collect(dice)
    return customer, made.subscription


async def _deal(town: Town, dice: Random, customer: Actor, row: Subscription, year: Year) -> None:
    """One thing that somebody does, refused or not."""
    kind = dice.choice(DEALS)
    try:
        await _do(town, dice, customer, row, kind)
        town.counts[kind] += 1
    except AppError as error:
        year.refusals[error.code] += 1


async def _do(town: Town, dice: Random, customer: Actor, row: Subscription, kind: str) -> None:
    id, at = row.id, moment.get()
    match kind:
        case "change" | "later":
            when = When.NOW if kind == "change" else When.PERIOD_END
            await town.change(customer, Revision(subscription_id=id, price_id=dice.choice(town.prices).id, when=when))
        case "seats":
            await town.change(customer, Revision(subscription_id=id, seats=dice.randrange(1, 30)))
        case "pause":
            until = at + timedelta(days=dice.randrange(1, 60)) if dice.random() < 0.7 else None
            await subscriptions.pause(customer, Pause(subscription_id=id, resumes_at=until))
        case "resume":
            await subscriptions.resume(customer, SubscriptionAction(subscription_id=id))
        case "renew":
            await subscriptions.renew(customer, SubscriptionAction(subscription_id=id))
        case "cancel":
            when = dice.choice((When.NOW, When.PERIOD_END, When.PERIOD_END))
            await subscriptions.cancel(customer, Cancellation(subscription_id=id, when=when))
        case "keep":
            await subscriptions.keep(customer, SubscriptionAction(subscription_id=id))
        case "use":
            town.use(customer, dice.randrange(1, 800))
        case "late":
            town.use(customer, dice.randrange(1, 800), timedelta(hours=dice.randrange(1, 30)))
        case "price":
            old: Price = dice.choice(town.prices)
            await town.price(dice, old.plan_id, old.interval, old.interval_count)
        case "credit":
            assert customer.user_id
            note, amount = "A present.", Money(dice.randrange(1, 5_000), town.currency)
            who = CustomerKind.PERSON, customer.user_id
            until = at + timedelta(days=40) if dice.random() < 0.5 else None
            await credits.keep(town.seller, CreditKind.PROMOTIONAL, *who, amount, note, until, new_id())
        case _:
            await _upon_invoice(town, dice, row, kind)


async def _upon_invoice(town: Town, dice: Random, row: Subscription, kind: str) -> None:
    found = await Invoice.select(Actor.platform(row.organization_id), {"subscription_id": row.id})
    issued = [one for one in found if one.number and one.state is not InvoiceState.VOID]
    if not issued:
        return
    invoice = dice.choice(issued)
    if kind == "note":
        amount = Minor(dice.randrange(1, max(invoice.total, 1) + 1)) if dice.random() < 0.8 else None
        note = dues.NewCreditNote(invoice_id=invoice.id, amount=amount, reason="A mistake.")
        await dues.credit(town.seller, note)
    elif kind == "void":
        await dues.void(town.seller, dues.InvoiceVoiding(invoice_id=invoice.id))
    elif invoice.paid > 0:
        back = dice.choice((invoice.paid, dice.randrange(1, invoice.paid + 1)))
        await town.give_back(invoice, back, disputed=kind == "dispute")
