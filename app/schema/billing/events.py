"""What happens to a payment, live."""

from typing import Any, ClassVar

import strawberry

from app.core import money
from app.core.changes import Event
from app.models.billing import payment_events as events
from app.schema.billing.payments import Payment
from app.schema.kit.context import Info
from app.schema.kit.feeds import FeedEvent
from app.schema.kit.fields import computed
from app.schema.kit.money import Money
from app.services.billing.paying import payments


@strawberry.interface(description="Something that happened to a payment.")
class PaymentEvent(FeedEvent):
    event: ClassVar[type[Event]]

    @computed(description="As it is by now.", returns=Payment | None)
    async def payment(heard: strawberry.Parent[Any], info: Info) -> Any:
        return await payments.find(info.context.actor, heard.event.payment)


@strawberry.interface(description="Something that happened to money of a payment.")
class PaymentMoneyEvent(PaymentEvent):
    @computed(description="How much.", returns=Money)
    def amount(heard: strawberry.Parent[Any]) -> money.Money:
        return money.Money(heard.event.amount, heard.event.currency)


@strawberry.type(description="It was begun, waits for something, or was cancelled.")
class PaymentMoved(PaymentEvent):
    event = events.PaymentMoved


@strawberry.type(description="The money has come in.")
class PaymentSucceeded(PaymentEvent):
    event = events.PaymentSucceeded


@strawberry.type(description="No money comes.")
class PaymentFailed(PaymentEvent):
    event = events.PaymentFailed

    @computed(description="Why, as the provider calls it.")
    def code(heard: strawberry.Parent[Any]) -> str:
        return str(heard.event.code)


@strawberry.type(description="Money has gone back.")
class PaymentRefunded(PaymentMoneyEvent):
    event = events.PaymentRefunded


@strawberry.type(description="Nothing has gone back, after all.")
class RefundFailed(PaymentMoneyEvent):
    event = events.RefundFailed


@strawberry.type(description="The customer's bank has taken it back, until it is decided who gets it.")
class PaymentDisputed(PaymentMoneyEvent):
    event = events.PaymentDisputed


@strawberry.type(description="It is decided who gets it.")
class DisputeClosed(PaymentMoneyEvent):
    event = events.DisputeClosed

    @computed(description="Whether the organization does.")
    def won(heard: strawberry.Parent[Any]) -> bool:
        return bool(heard.event.won)


EVENTS = [
    PaymentMoved,
    PaymentSucceeded,
    PaymentFailed,
    PaymentRefunded,
    RefundFailed,
    PaymentDisputed,
    DisputeClosed,
]
