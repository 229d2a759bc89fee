"""A seller with plans, customers and a clock of its own, and what has to add up in its book."""

from collections import Counter, defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from bson import ObjectId

from app.core import changes, ledger
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.ledger import Leg, Transferring
from app.core.money import Minor
from app.models import (
    Aggregation,
    Buyer,
    Credit,
    CreditKind,
    CreditNote,
    Interval,
    Invoice,
    InvoiceState,
    LedgerAccount,
    LineKind,
    MembershipDocument,
    MeterDocument,
    OrganizationDocument,
    OrganizationTaxProfileDocument,
    Price,
    PricingModel,
    Proration,
    Role,
    Subscription,
)
from app.models.billing.payment_events import DisputeClosed, PaymentRefunded, PaymentSucceeded
from app.services.billing.collecting import collection, dunning
from app.services.billing.invoicing import invoices, verification
from app.services.billing.selling import plans
from app.services.billing.selling.plans import NewComponent, NewPlan, NewPrice, NewRate, NewTier
from app.services.billing.subscribing import expiry, subscriptions, upcoming

BEGIN = datetime(2027, 12, 28, 9, 30, tzinfo=UTC)
"""Before a year with a leap day."""
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
CURRENCIES = ("EUR", "JPY", "KWD")
OPEN = (InvoiceState.ISSUED, InvoiceState.OVERDUE)
MANAGES = frozenset({"billing.manage"})

moment: ContextVar[datetime] = ContextVar("moment", default=BEGIN)
"""What the clock says to whoever asks in this task."""


def tell_the_time() -> float:
    return moment.get().timestamp()


@dataclass
class Use:
    """What was used of which meter by whom, as of when."""

    used: dict[tuple[ObjectId, ObjectId], list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))

    async def total(
        self, actor: Actor, meter_id: ObjectId, customer_id: ObjectId, starts_at: datetime, ends_at: datetime
    ) -> int:
        return sum(units for at, units in self.used[meter_id, customer_id] if starts_at <= at < ends_at)

    async def close(
        self, actor: Actor, meter_id: ObjectId, customer: Buyer, starts_at: datetime, ends_at: datetime
    ) -> int:
        return await self.total(actor, meter_id, customer.id, starts_at, ends_at)


USE = Use()


@dataclass
class Town:
    """One seller. What tests do in it is what customers, staff, the clock and the payment provider do."""

    seller: Actor
    currency: str
    meter: ObjectId
    prices: list[Price] = field(default_factory=list)
    paid_in: int = 0
    """What the provider has collected, refunds and lost disputes taken off."""
    asked: set[tuple[ObjectId, int]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def found(cls, dice: Random) -> "Town":
        id = new_id()
        made = OrganizationDocument(
            id=id,
            name="Seller",
            slug=f"seller-{id}",
            time_zone=dice.choice(ZONES),
            tax_rate=dice.choice((0, 750, 1_900, 2_000)),
            created_at=BEGIN,
        )
        await changes.insert(made)
        if dice.random() < 0.3:  # where its rate is of two taxes
            profile = OrganizationTaxProfileDocument(
                organization_id=id, country="IN", region="29", legal_name="Seller", changed_at=BEGIN
            )
            await changes.insert(profile)
        meter = MeterDocument(
            organization_id=id,
            key="calls",
            name="Calls",
            unit="call",
            aggregation=Aggregation.SUM,
            created_at=BEGIN,
            changed_at=BEGIN,
        )
        await changes.insert(meter)
        town = cls(Actor(id, new_id(), permissions=MANAGES), dice.choice(CURRENCIES), meter.id)
        for number in range(3):
            await town._plan(dice, number)
        return town

    async def _plan(self, dice: Random, number: int) -> None:
        new = NewPlan(
            key=f"plan-{number}",
            name=f"Plan {number}",
            trial_days=dice.choice((0, 0, 14)),
            payment_days=dice.choice((0, 14)),
            proration=dice.choice(tuple(Proration)),
        )
        plan = await plans.create(self.seller, new)
        for interval, count in (
            (Interval.MONTH, 1),
            dice.choice(((Interval.YEAR, 1), (Interval.DAY, 30), (Interval.MONTH, 3))),
        ):
            await self.price(dice, plan.id, interval, count)

    async def price(self, dice: Random, plan_id: ObjectId, interval: Interval, count: int) -> None:
        """Sell a plan at another price from now on."""
        components = [
            NewComponent(meter_id=self.meter, name="Calls", rate=_rate(dice), included=Minor(dice.choice((0, 100))))
        ]
        new = NewPrice(
            plan_id=plan_id,
            currency=self.currency,
            interval=interval,
            interval_count=count,
            rate=_rate(dice),
            components=components if dice.random() < 0.7 else [],
        )
        made = await plans.set_price(self.seller, new)
        same = (plan_id, interval, count)
        self.prices = [one for one in self.prices if (one.plan_id, one.interval, one.interval_count) != same]
        self.prices.append(made)

    async def customer(self) -> Actor:
        """Somebody new in the organization."""
        assert self.seller.organization_id
        place = MembershipDocument(
            organization_id=self.seller.organization_id,
            user_id=new_id(),
            role=Role.MEMBER,
            created_at=moment.get(),
            changed_at=moment.get(),
        )
        await changes.insert(place)
        return Actor(self.seller.organization_id, place.user_id)

    def use(self, customer: Actor, units: int, ago: timedelta = timedelta(0)) -> None:
        assert customer.user_id
        USE.used[self.meter, customer.user_id].append((moment.get() - ago, units))

    async def tick(self, dice: Random) -> None:
        """Let the clock do what is due now, and the provider answer what it is asked."""
        platform, at = Actor.platform(self.seller.organization_id), moment.get()
        for row in await Subscription.select(platform, {"next_at": {"$lte": at}}):
            await self._advance(platform, row, at)
        for invoice in await Invoice.select(platform, {"state": "grace", "closes_at": {"$lte": at}}):
            foreseen = await upcoming.of_invoice(invoice)
            await invoices.issue_one(invoice)
            issued = await Invoice.require(platform, invoice.id)
            self._compare("in grace", foreseen, issued)
        await dunning.run(at, platform)
        await self.collect(dice)

    async def _advance(self, platform: Actor, row: Subscription, at: datetime) -> None:
        foreseen = await upcoming.of(row) if row.ends_at <= at else None
        await expiry.advance(row, at)
        if foreseen is None or foreseen.at != row.ends_at:
            return
        made = await Invoice.select(platform, {"subscription_id": row.id, "created_at": row.ends_at})
        if made:
            self._compare("at the end of a period", foreseen, made[-1])
        elif any(line.amount for line in foreseen.lines):
            self.problems.append(f"{row.id}: what was foreseen was not invoiced")

    def _compare(self, when: str, foreseen: upcoming.Upcoming | None, invoice: Invoice) -> None:
        """What was shown before has to be what is invoiced."""
        self.counts["previews"] += 1
        names = ("lines", "subtotal", "net", "tax_amount", "total", "due", "currency")
        if foreseen is None or any(getattr(foreseen, name) != getattr(invoice, name) for name in names):
            self.problems.append(f"{invoice.id}: the preview {when} was another")

    async def change(self, customer: Actor, given: subscriptions.SubscriptionRevision) -> None:
        """Change a subscription after a rehearsal, which has to show the same."""
        shown = (await changes.rehearse(lambda: subscriptions.change(customer, given))).result
        done = await subscriptions.change(customer, given)
        self.counts["rehearsals"] += 1
        lines = [one.invoice and (one.invoice.lines, one.invoice.total, one.invoice.due) for one in (shown, done)]
        after = [one.upcoming and one.upcoming.lines for one in (shown, done)]
        if lines[0] != lines[1] or after[0] != after[1]:
            self.problems.append(f"{given.subscription_id}: the rehearsal of a change was another")

    async def collect(self, dice: Random) -> None:
        """Answer every request for money once: most are paid."""
        platform = Actor.platform(self.seller.organization_id)
        where = {"state": {"$in": [state.value for state in OPEN]}, "next_attempt_at": None}
        for invoice in await Invoice.select(platform, where):
            if (invoice.id, invoice.attempts) in self.asked or not invoice.outstanding:
                continue
            self.asked.add((invoice.id, invoice.attempts))
            fate = dice.random()
            if fate < 0.8:
                await self.pay(invoice, invoice.outstanding)
            elif fate < 0.85:
                await self.pay(invoice, invoice.outstanding + dice.randrange(1, 500))
            elif invoice.automatic:
                hard = fate > 0.95
                self.counts["declined"] += 1
                await dunning.failed(platform, invoice.id, invoice.attempts + 1, "declined", moment.get(), hard=hard)

    async def pay(self, invoice: Invoice, amount: int) -> None:
        """The provider has collected so much for an invoice, and says so twice."""
        payment, platform = new_id(), Actor.platform(self.seller.organization_id)
        await self._provider(f"payment:{payment}", amount)
        told = PaymentSucceeded(
            platform,
            payment=payment,
            reference=invoices.reference(invoice.id),
            customer_kind=invoice.customer_kind.value,
            customer=invoice.customer_id,
            amount=amount,
            currency=self.currency,
        )
        for _ in range(2):
            await collection.succeeded(told)
        self.paid_in += amount
        self.counts["payments"] += 1

    async def give_back(self, invoice: Invoice, amount: int, *, disputed: bool) -> None:
        """The provider has given so much back, at the seller's wish or not, and says so twice."""
        id, platform = new_id(), Actor.platform(self.seller.organization_id)
        await self._provider(f"back:{id}", -amount)
        said = {"payment": new_id(), "reference": invoices.reference(invoice.id), "currency": self.currency}
        for _ in range(2):
            if disputed:
                lost = DisputeClosed(platform, dispute=id, won=False, amount=amount, **said)  # type: ignore[arg-type]
                await collection.disputed(lost)
            else:
                back = PaymentRefunded(platform, refund=id, amount=amount, **said)  # type: ignore[arg-type]
                await collection.refunded(back)
        self.paid_in -= amount
        self.counts["disputes" if disputed else "refunds"] += 1

    @staticmethod
    def _legs(processor: ObjectId, clearing: ObjectId, amount: int) -> list[Leg]:
        return [Leg(processor, -amount), Leg(clearing, amount)]

    async def _provider(self, key: str, amount: int) -> None:
        @changes.atomic
        async def write() -> None:
            platform = Actor.platform(self.seller.organization_id)
            ids = [
                (await ledger.open_account(platform, code, self.currency)).id
                for code in ("processor:stripe", "clearing:payments")
            ]
            await ledger.transfer(
                platform, Transferring(key=key, kind="payment", legs=self._legs(ids[0], ids[1], amount))
            )

        await write()

    async def check(self) -> list[str]:
        """What does not add up, besides what was noted on the way."""
        platform = Actor.platform(self.seller.organization_id)
        assert self.seller.organization_id
        found = [f"{fault.what}: {fault.id}" for fault in await ledger.faults(self.seller.organization_id)]
        rows, notes = await Invoice.select(platform), await CreditNote.select(platform)
        credits = await Credit.select(platform)
        issued = [row for row in rows if row.number is not None]
        found += [f"{one.name}: {one.what}" for one in await verification.faults(self.seller.organization_id)]
        held = [row for row in issued if row.state is not InvoiceState.VOID]
        given = {one.id for one in credits if one.kind is CreditKind.PROMOTIONAL}
        promotions = sum(one.amount - one.left for one in credits if one.id in given)
        expected: Counter[tuple[str, ObjectId | None]] = Counter()
        for row in held:
            expected["revenue", None] += row.subtotal
            expected["tax", None] += row.tax_amount
            expected["receivable", row.customer_id] -= row.outstanding if row.state in OPEN else 0
            if row.state is InvoiceState.PAID and row.outstanding:
                found.append(f"{row.number}: it is paid, and is not")
        for row in rows:  # money may have come, and gone again, for what does not hold
            expected["receivable", row.customer_id] += row.paid if row.state is InvoiceState.VOID else 0
        expected["revenue", None] -= promotions
        for one in notes:
            expected["revenue", None] -= one.net
            expected["tax", None] -= one.tax_amount
        for credit in credits:
            if credit.kind is not CreditKind.PROMOTIONAL:
                expected[f"credits:{credit.kind.value}", credit.customer_id] += credit.left
        expected["processor:stripe", None] = -self.paid_in
        accounts = {(one.code, one.holder_id): one.posted for one in await LedgerAccount.select(platform)}
        for key in accounts.keys() | expected.keys():
            if accounts.get(key, 0) != expected[key]:
                found.append(f"{key}: the book has {accounts.get(key, 0)}, invoices and credits say {expected[key]}")
        found += _twice(rows)
        self.counts["invoices"] += len(issued)
        self.counts["credit notes"] += len(notes)
        return found


def _twice(rows: list[Invoice]) -> list[str]:
    """Subscriptions of which something that was used is billed twice."""
    windows: dict[ObjectId, set[tuple[datetime, datetime]]] = defaultdict(set)
    count: Counter[tuple[ObjectId, datetime]] = Counter()
    for row in rows:
        if row.state is not InvoiceState.VOID:
            spans = {(item.starts_at, item.ends_at) for item in row.items if item.kind is LineKind.OVERAGE}
            windows[row.subscription_id] |= spans
            count.update((row.subscription_id, span[0]) for span in spans)
    found = [f"{id}: what was used is billed twice" for (id, _), times in count.items() if times > 1]
    for id, spans in windows.items():
        ordered = sorted(spans)
        if any(one[1] > two[0] for one, two in pairwise(ordered)):
            found.append(f"{id}: windows of usage overlap")
    return found


def _rate(dice: Random) -> NewRate:
    model = dice.choice(tuple(PricingModel))
    if model in (PricingModel.GRADUATED, PricingModel.VOLUME):
        tops = [Minor(top) for top in sorted(dice.sample(range(1, 500), 2))]
        tiers = [
            NewTier(up_to=top, unit_amount=Minor(dice.randrange(0, 500)), flat_amount=Minor(dice.choice((0, 333))))
            for top in (*tops, None)
        ]
        return NewRate(model=model, tiers=tiers)
    return NewRate(model=model, amount=Minor(dice.randrange(1, 10_000)), package_size=Minor(dice.choice((1, 7, 1_000))))
