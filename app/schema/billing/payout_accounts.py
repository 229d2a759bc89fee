from datetime import datetime

import strawberry

from app import models
from app.schema.billing.customers import CustomerKind
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.payout_accounts import ACCOUNT

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
