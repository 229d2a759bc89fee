"""Who is told of money of theirs: what they have earned, what they are paid, what becomes of what waits in escrow."""

from collections.abc import Sequence

from bson import ObjectId

from app.core.actor import Actor
from app.core.money import Money
from app.core.words import sentence, words
from app.models import (
    Channel,
    Commission,
    CommissionReason,
    CommissionState,
    Earning,
    Escrow,
    EscrowState,
    Mode,
    NotificationKind,
    Payout,
    PayoutState,
    User,
)
from app.models.ledger.events import CommissionMoved, EarningComputed, EscrowMoved, PayoutMoved, RefundInWallet
from app.services.notifications.types.declaration import INTERRUPTING, Notice, NotificationType, Told

PLATFORM = Actor.platform()
EVERYWHERE = {**INTERRUPTING, Channel.EMAIL: Mode.IMMEDIATE}

OF_PAYOUTS = {
    PayoutState.IN_TRANSIT: sentence("{amount} is on its way to you."),
    PayoutState.PAID: sentence("{amount} has arrived."),
    PayoutState.FAILED: sentence("{amount} could not be paid out. You have it back."),
    PayoutState.RETURNED: sentence("Your bank has sent {amount} back. You have it back."),
}
OF_COMMISSIONS = {
    CommissionState.APPROVED: sentence("Your commission of {amount} is approved."),
    CommissionState.REJECTED: sentence("There is no commission for {reference}: {why}"),
    CommissionState.AVAILABLE: sentence("Your commission of {amount} can be paid out."),
    CommissionState.CLAWED_BACK: sentence(
        "Your commission for {reference} was taken back: the customer has their money back."
    ),
}
REASONS = {
    CommissionReason.SELF_REFERRAL: words("Nobody is paid for what they buy themselves."),
    CommissionReason.NOT_FIRST_ORDER: words("It is not the customer's first order."),
    CommissionReason.TERM_OVER: words("The time is over in which the customer's orders count."),
    CommissionReason.PLAN_RETIRED: words("The plan is not in use any more."),
    CommissionReason.NOTHING_TO_SHARE: words("Nothing was paid that could be shared."),
    CommissionReason.REFUNDED: words("The customer has their money back."),
}
IN_WALLET = sentence("{amount} could not go back to what you had paid by. You have it in your wallet.")
OF_ESCROWS = {
    EscrowState.FUNDED: sentence("{title} is funded."),
    EscrowState.SUBMITTED: sentence("{title} is submitted."),
    EscrowState.DISPUTED: sentence("{title} is disputed."),
    EscrowState.RELEASED: sentence("All of {title} is paid."),
    EscrowState.REFUNDED: sentence("What was left of {title} went back to the buyer."),
    EscrowState.SPLIT: sentence("What was left of {title} was split."),
    EscrowState.CLOSED: sentence("Nothing comes of {title}."),
}


async def _earned(told: Sequence[Told[EarningComputed]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        inside = Actor.platform(one.change.organization_id)
        row, person = await Earning.lookup(inside, _id=one.event.earning), await _person(one.event.user)
        if row is not None and person is not None and row.amount > 0:
            text = words(
                "You have earned {amount} in {month}.",
                amount=_said(row.amount, row.currency, person),
                month=row.month,
            )
            made.append(Notice(one.change, person.id, row.organization_id, text))
    return made


async def _paid(told: Sequence[Told[PayoutMoved]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        inside, say = Actor.platform(one.change.organization_id), OF_PAYOUTS.get(PayoutState(one.event.state))
        row, person = await Payout.lookup(inside, _id=one.event.payout), await _person(one.event.user)
        if say and row is not None and person is not None:
            text = say(amount=_said(row.amount, row.currency, person))
            made.append(Notice(one.change, person.id, row.organization_id, text))
    return made


async def _decided(told: Sequence[Told[CommissionMoved]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        say = OF_COMMISSIONS.get(CommissionState(one.event.state))
        inside = Actor.platform(one.change.organization_id)
        row, person = await Commission.lookup(inside, _id=one.event.commission), await _person(one.event.user)
        if say and row is not None and person is not None:
            why = row.note or REASONS.get(row.reason, "")
            text = say(amount=_said(row.amount, row.currency, person), reference=row.reference, why=why)
            made.append(Notice(one.change, person.id, row.organization_id, text))
    return made


async def _moved(told: Sequence[Told[EscrowMoved]]) -> list[Notice]:
    """The other party, and both of what neither has done."""
    made: list[Notice] = []
    for one in told:
        say = OF_ESCROWS.get(EscrowState(one.event.state))
        row = await Escrow.lookup(Actor.platform(one.change.organization_id), _id=one.event.escrow) if say else None
        if say and row is not None:
            people = [id for id in (row.buyer_id, row.seller_id) if one.change.actor != f"u:{id}"]
            text = say(title=row.title)
            made += [Notice(one.change, id, row.organization_id, text) for id in people]
    return made


async def _in_wallet(told: Sequence[Told[RefundInWallet]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        organization, person = one.change.organization_id, await _person(one.event.user)
        if organization is not None and person is not None:
            text = IN_WALLET(amount=_said(one.event.amount, one.event.currency, person))
            made.append(Notice(one.change, person.id, organization, text))
    return made


async def _person(id: ObjectId) -> User | None:
    return await User.lookup(PLATFORM, _id=id)


def _said(amount: int, currency: str, person: User) -> str:
    return Money(amount, currency).said(person.locale.replace("-", "_"))


EARNING = NotificationType(NotificationKind.EARNING, EarningComputed, _earned, EVERYWHERE)
PAYOUT = NotificationType(NotificationKind.PAYOUT, PayoutMoved, _paid, EVERYWHERE)
COMMISSION = NotificationType(NotificationKind.COMMISSION, CommissionMoved, _decided, EVERYWHERE)
ESCROW = NotificationType(NotificationKind.ESCROW, EscrowMoved, _moved, EVERYWHERE)
REFUND_FAILED = NotificationType(NotificationKind.REFUND_FAILED, RefundInWallet, _in_wallet, EVERYWHERE)
