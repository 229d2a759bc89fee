from datetime import datetime

import strawberry

from app import models
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node, global_id
from app.services.billing.buyers import NAMES


@strawberry.type(description="That a customer owes no tax to a country, by a certificate.")
class TaxExemption(Node):
    model = models.TaxExemption

    country: str = strawberry.field(description="ISO 3166-1, such as NG.")
    region: str | None = strawberry.field(description="Only what is supplied there; in India, the code of a state.")
    certificate: str = strawberry.field(description="Its number.")
    reason: str = strawberry.field(description="As invoices say it.")
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime

    @computed("customer_kind", "customer_id", description="A person or an organization.")
    def customer_id(row: strawberry.Parent[models.TaxExemption]) -> strawberry.ID:
        return global_id(NAMES[row.customer_kind], row.customer_id)
