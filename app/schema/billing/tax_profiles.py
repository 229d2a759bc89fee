from datetime import datetime

import strawberry

from app.models.billing.tax_profiles import TaxDetails
from app.schema.kit.nodes import by_class


@strawberry.type(description="Where somebody is who buys or sells, and by which number a tax office knows them.")
class TaxProfile:
    country: str = strawberry.field(description="ISO 3166-1, such as NG.")
    region: str | None = strawberry.field(description="In India, the code of the state.")
    tax_id: str | None = strawberry.field(description="As its country writes it, without blanks.")
    legal_name: str
    street: str
    city: str
    postal_code: str
    changed_at: datetime

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, TaxDetails)
