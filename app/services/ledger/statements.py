"""Statements: what was booked in an account of somebody's in a month, as comma-separated values (RFC 4180)."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.core.actor import Actor
from app.core.errors import Invalid, LimitReached
from app.core.money import EXPONENTS
from app.core.paging import OLDEST
from app.core.rows import Value
from app.models import LedgerAccount, LedgerTransfer, Organization, Purse
from app.services.ledger import wallets
from app.services.ledger.earnings import Month

MOST = 10_000
COLUMNS = ("number", "booked_at", "kind", "reference", "amount", "balance", "currency")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How spreadsheets know a formula."""


@dataclass(slots=True)
class Statement(Value):
    """A table, and a name for its file."""

    name: str
    entries: int
    content: str


async def of(actor: Actor, purse: Purse, currency: str, month: str) -> Statement | None:
    """The actor's, for a month of the organization's clock. Raises Invalid or LimitReached."""
    assert actor.organization_id
    where = {"code": purse.value, "currency": currency, "holder_id": actor.user_id}
    account = await LedgerAccount.lookup(actor, where) if actor.user_id else None
    if account is None:
        return None
    organization = await Organization.require(actor, actor.organization_id)
    asked = _month(month, ZoneInfo(organization.time_zone))
    booked = {"postings.account_id": account.id, "booked_at": {"$gte": asked.start, "$lt": asked.end}}
    rows = await LedgerTransfer.select(actor, booked, order=OLDEST, limit=MOST + 1)
    if len(rows) > MOST:
        raise LimitReached("A statement has {most} entries at most.", most=MOST)
    entries = sorted((wallets.entry(row, account.id) for row in rows), key=lambda one: one.number)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for one in entries:
        moment = one.booked_at.isoformat(timespec="seconds")
        amounts = (_decimal(one.amount, currency), _decimal(one.balance, currency))
        writer.writerow((one.number, moment, one.kind, _plain(one.reference), *amounts, currency))
    return Statement(f"{purse.value}-{currency}-{asked.name}.csv", len(entries), table.getvalue())


def _month(name: str, zone: ZoneInfo) -> Month:
    try:
        first = datetime.strptime(name, "%Y-%m").replace(day=15, tzinfo=UTC)
        return Month.of(first, zone)
    except (ValueError, OverflowError):
        raise Invalid("Give a month such as 2026-11.", path=["month"]) from None


def _decimal(amount: int, currency: str) -> str:
    return f"{Decimal(amount).scaleb(-EXPONENTS[currency]):f}"


def _plain(text: str) -> str:
    """What no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
