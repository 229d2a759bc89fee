from datetime import datetime

from pymongo import ASCENDING, IndexModel

from app.core.money import Money
from app.core.privacy import NEUTRAL
from app.models.base import StoredDocument, TenantRow


class PayRules(TenantRow):
    """By what rules an organization pays people; where it has none, by these defaults.

    `escrow_fee_rate` is in basis points of what is released. What is sold in a month is `earnings_hold_days` out of
    reach after it was computed. Of currencies without a minimum anything can be paid out.
    """

    collection = "pay_rules"
    policies = {
        "escrow_fee_rate review_days earnings_hold_days payout_minimums changed_at version": NEUTRAL,
    }
    audited = frozenset({"escrow_fee_rate", "review_days", "earnings_hold_days"})

    escrow_fee_rate: int = 0
    review_days: int = 3
    """For so long a buyer can look at what was submitted."""
    earnings_hold_days: int = 14
    payout_minimums: list[Money] = []
    changed_at: datetime | None = None
    version: int = 1


class PayRulesDocument(StoredDocument, PayRules):
    class Settings:
        name = PayRules.collection
        indexes = [IndexModel([("organization_id", ASCENDING)], unique=True)]
