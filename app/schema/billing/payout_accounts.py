from datetime import datetime

import strawberry

from app import models
from app.schema.billing.customers import CustomerKind
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.paying import payout_accounts
from app.services.billing.paying.payout_accounts import ACCOUNT

strawberry.enum(models.PayoutAccountState, description="Whether money can be sent to an account.")


@strawberry.type(description="Where somebody is sent the money that they earn.")
class PayoutAccount(Node):
    model = models.PayoutAccount

    holder_kind: CustomerKind
    holder: User | None = edge(models.User, by="holder_id", description="Whose it is, where that is a person.")
    provider: models.Provider
    state: models.PayoutAccountState
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(ACCOUNT)


@strawberry.type(description="Where one is sent money from now on.")
class PayoutDestination:
    account: PayoutAccount | None = strawberry.field(description="Null in a rehearsal.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, payout_accounts.PayoutDestination)
