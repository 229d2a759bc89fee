from dataclasses import dataclass

from bson import ObjectId

from app.core.rows import Value
from app.models.billing.customers import CustomerKind


@dataclass(frozen=True, slots=True)
class Buyer(Value):
    """Who buys from a seller: a person of an organization, or an organization of the platform."""

    kind: CustomerKind
    id: ObjectId
