from datetime import datetime

import strawberry

from app import models
from app.integrations.payments import MethodKind
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.paying import payment_methods, portals
from app.services.billing.paying.payment_methods import METHOD

strawberry.enum(MethodKind, name="PaymentMethodKind", description="What can be saved to pay with.")
strawberry.enum(models.PaymentMethodState, description="Whether a method can be paid with.")


@strawberry.type(description="What a customer has saved to pay with.")
class PaymentMethod(Node):
    model = models.PaymentMethod

    provider: models.Provider
    brand: str = strawberry.field(description="Of the card; UPI for a mandate of UPI AutoPay.")
    last4: str = strawberry.field(description="The last digits of its number, or all of its UPI address but the name.")
    expires_month: int
    expires_year: int
    default: bool = strawberry.field(description="Whether it is the one that is charged when the customer is away.")
    state: models.PaymentMethodState
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(METHOD)


@strawberry.type(description="What the provider's script needs to save a method in the customer's browser.")
class PaymentSetup:
    provider: models.Provider
    client_secret: str = strawberry.field(
        description="For the provider's script; for Razorpay's, an order and a customer with a slash between them. "
        "Empty in a rehearsal."
    )

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, payment_methods.PaymentSetup)


@strawberry.type(description="A page of the provider's.")
class ProviderPage:
    url: str | None = strawberry.field(description="Null in a rehearsal.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, portals.ProviderPage)
