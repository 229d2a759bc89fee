"""S6: whether every command on a tenant's collection named the tenant, as told by the database's own profiler."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.models import TENANT_COLLECTIONS

Command = Mapping[str, Any]

KEPT_BYTES = 64 * 1024 * 1024

PLATFORM_FILTERS: Mapping[tuple[str, frozenset[str]], str] = {
    ("memberships", frozenset({"user_id", "state"})): "signing in: in which organizations does this person work?",
    ("api_keys", frozenset({"hashes"})): "letting a program in: its secret names the key, not its tenant",
    ("api_keys", frozenset({"_id"})): "letting a program in: its token or signature names the key, not its tenant",
    ("memberships", frozenset({"user_id", "role", "state"})): "erasing: what would be left without an owner?",
    ("memberships", frozenset({"user_id"})): "exporting: what is known of this person, wherever they are?",
    ("invitations", frozenset({"email"})): "exporting and erasing: who has this address, wherever they are invited?",
    ("invitations", frozenset({"email", "_id"})): "erasing: the same, some at a time",
    ("campaigns", frozenset({"created_by_id"})): "exporting and erasing: what campaigns has this person made?",
    ("campaigns", frozenset({"created_by_id", "_id"})): "erasing: the same, some at a time",
    ("campaigns", frozenset({"state", "paced_until"})): "pacing: until when is the provider taken, by whose campaign?",
    ("deliveries", frozenset({"user_id"})): "exporting and erasing: what went out to this person, wherever they are?",
    ("deliveries", frozenset({"user_id", "_id"})): "erasing: the same, some at a time",
    ("deliveries", frozenset({"address"})): "exporting and erasing: what went to this address, wherever they are?",
    ("deliveries", frozenset({"address", "_id"})): "erasing: the same, some at a time",
    ("deliveries", frozenset({"user_id", "created_at", "state"})): "how much came to this person, wherever they are?",
    ("calendar_events", frozenset({"remind_at"})): "the clock: of what is a reminder due, wherever it is?",
    ("calendar_events", frozenset({"host_id"})): "exporting and erasing: what has this person scheduled?",
    ("calendar_events", frozenset({"host_id", "_id"})): "the same, some at a time",
    ("calendar_feeds", frozenset({"_id"})): "letting a calendar in: its link names the feed, not its tenant",
    ("calendar_feeds", frozenset({"user_id"})): "exporting and erasing: what links has this person made?",
    ("calendar_feeds", frozenset({"user_id", "_id"})): "the same, some at a time",
    ("plans", frozenset({"_id"})): "what somebody has subscribed to, whoever sells it",
    ("plans", frozenset({"_id", "organization_id"})): "what is sold here, or by the platform",
    ("prices", frozenset({"_id"})): "what somebody has subscribed to, whoever sells it",
    ("prices", frozenset({"_id", "organization_id"})): "what is sold here, or by the platform",
    ("prices", frozenset({"plan_id", "superseded_at"})): "what plans cost, whoever sells them",
    ("subscriptions", frozenset({"_id"})): "a customer's own, whoever sells",
    ("subscriptions", frozenset({"customer_id"})): "a customer's own, and exporting and erasing: whoever sells",
    ("subscriptions", frozenset({"customer_id", "_id"})): "the same, some at a time",
    ("subscriptions", frozenset({"next_at"})): "the clock: which are to be moved, whoever sells?",
    ("invoices", frozenset({"_id"})): "a customer's own, whoever sells",
    ("invoices", frozenset({"customer_id"})): "exporting and erasing: what was this person invoiced?",
    ("invoices", frozenset({"customer_id", "_id"})): "the same, some at a time",
    ("invoices", frozenset({"customer_id", "state"})): "a customer's own, whoever sells",
    ("invoices", frozenset({"customer_id", "state", "_id"})): "the same, some at a time",
    ("credit_notes", frozenset({"_id"})): "of a customer's own invoices, whoever sells",
    ("invoices", frozenset({"state", "closes_at"})): "the clock: which are to be issued, whoever sells?",
    ("invoices", frozenset({"state", "due_at"})): "the clock: which are overdue, whoever sells?",
    ("invoices", frozenset({"next_attempt_at"})): "the clock: which are to be collected again, whoever sells?",
    ("invitations", frozenset({"_id"})): "accepting: the token of the e-mail names the invitation, not its tenant",
    ("invoice_pdfs", frozenset({"_id"})): "a link to the PDF of an invoice names it, not its tenant",
    ("invoice_pdfs", frozenset({"invoice_id"})): "of invoices that one may see: who buys is in another organization",
    ("disputes", frozenset()): "staff: what is disputed, wherever it was paid?",
    ("disputes", frozenset({"_id"})): "the same, some at a time",
    ("disputes", frozenset({"state"})): "staff: what of a state is disputed, wherever it was paid?",
    ("disputes", frozenset({"state", "_id"})): "the same, some at a time",
    ("payments", frozenset({"_id"})): "staff: what disputes and differences are about, wherever it was paid",
    ("credit_note_pdfs", frozenset({"_id"})): "the same of a credit note",
    ("credit_note_pdfs", frozenset({"credit_note_id"})): "the same of credit notes",
    ("payments", frozenset({"customer_id"})): "exporting and erasing: what has this person paid, wherever they are?",
    ("payments", frozenset({"customer_id", "_id"})): "the same, some at a time",
    ("payment_methods", frozenset({"customer_id"})): "the same of what this person has saved to pay with",
    ("payment_methods", frozenset({"customer_id", "_id"})): "the same, some at a time",
    ("payment_methods", frozenset({"provider", "provider_ref"})): "a provider names the method, not its tenant",
    ("payments", frozenset({"state", "provider", "created_at", "_id"})): "the clock: what is on its way, wherever?",
    ("refunds", frozenset({"state", "created_at", "_id"})): "the clock: what is on its way, wherever it is?",
    ("remittances", frozenset({"state", "provider", "created_at", "_id"})): "the clock: what is on its way, wherever?",
    ("files", frozenset({"_id", "state"})): "a link to a file, or to send one, names the file, not its tenant",
    ("files", frozenset({"message_id", "changed_at"})): "the clock: what does no message carry, wherever it is?",
    ("files", frozenset({"owner_id"})): "exporting: what is known of this person, wherever they are?",
    ("files", frozenset({"owner_id", "_id"})): "erasing: the same, some at a time",
    ("affiliations", frozenset({"user_id"})): "a person's own, for whichever organization they sell",
    ("affiliations", frozenset({"user_id", "_id"})): "one of a person's own",
    ("ownership_offers", frozenset({"state", "created_at"})): "the clock: whose time has run out, wherever they are?",
    ("invitations", frozenset({"state", "created_at"})): "the clock: whose time has run out, wherever they are?",
    ("escrows", frozenset({"release_at"})): "the clock: what is due, wherever it is?",
    ("escrows", frozenset({"buyer_id"})): "exporting and erasing: what is of this person, wherever they are?",
    (
        "escrows",
        frozenset({"buyer_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    ("escrows", frozenset({"seller_id"})): "exporting and erasing: what is of this person, wherever they are?",
    (
        "escrows",
        frozenset({"seller_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    ("earnings", frozenset({"state", "available_at", "hold_reasons"})): "the clock: what is due, wherever it is?",
    ("earnings", frozenset({"user_id"})): "exporting and erasing: what is of this person, wherever they are?",
    (
        "earnings",
        frozenset({"user_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    ("commissions", frozenset({"state", "available_at"})): "the clock: what is due, wherever it is?",
    (
        "commissions",
        frozenset({"user_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    (
        "commissions",
        frozenset({"user_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    (
        "commissions",
        frozenset({"customer_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    (
        "commissions",
        frozenset({"customer_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    ("payouts", frozenset({"user_id"})): "exporting and erasing: what is of this person, wherever they are?",
    (
        "payouts",
        frozenset({"user_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    ("payout_plans", frozenset({"due_at"})): "the clock: what is due, wherever it is?",
    (
        "payout_plans",
        frozenset({"user_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
    (
        "payout_plans",
        frozenset({"user_id", "_id"}),
    ): "exporting and erasing: what is of this person, wherever they are?",
}
"""Filters without a tenant that are meant, by collection and the names in them, with the reason."""


async def watch(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Keep, from now on, every command on a tenant's collection that does not plainly name the tenant."""
    suspect = {
        "ns": {"$in": [f"{database.name}.{name}" for name in TENANT_COLLECTIONS]},
        "appName": "atrium",  # what tests look at by themselves names whatever it likes
        "op": {"$in": ["query", "update", "remove", "command"]},
        "$nor": [{f"command.{part}.organization_id": {"$type": "objectId"}} for part in ("filter", "query", "q")],
    }
    await database.create_collection("system.profile", capped=True, size=KEPT_BYTES)
    await database.command("profile", 1, filter=suspect)


async def strays(database: AsyncDatabase[dict[str, Any]]) -> list[str]:
    """The commands that named no tenant, in words. Raises AssertionError when not all were kept, or none was."""
    await database.command("profile", 0)
    statistics = await database.command("collStats", "system.profile")
    assert 0 < statistics["size"] < KEPT_BYTES * 0.9, "nothing was kept, or the profile has gone round"
    found = [
        f"{entry['op']} {entry['ns']}: {filter}"
        async for entry in database["system.profile"].find({}, {"op": 1, "ns": 1, "command": 1})
        for filter in filters(entry)
        if not names_a_tenant(filter) and not meant(entry["ns"].partition(".")[2], filter)
    ]
    for name in TENANT_COLLECTIONS:
        homeless = await database[name].count_documents({"organization_id": {"$not": {"$type": "objectId"}}})
        found += [f"insert {name}: {homeless} documents without a tenant"] * bool(homeless)
    return sorted(set(found))


def filters(entry: Command) -> Iterator[Command]:
    """The filters of a profiled command. What was read on after the first batch was filtered there."""
    command = entry["command"]
    match entry["op"]:
        case "query":
            yield command.get("filter", {})
        case "update" | "remove":
            yield command["q"]
        case "command" if "aggregate" in command:
            yield from _matches(command["pipeline"])
        case "command" if not {"insert", "createIndexes", "create"} & set(command):
            yield command.get("query", {})


def _matches(pipeline: Sequence[Command]) -> Iterator[Command]:
    """What an aggregation begins with, and every look-up of a tenant's collection in it."""
    yield pipeline[0].get("$match", {}) if pipeline else {}
    for lookup in (stage["$lookup"] for stage in pipeline if "$lookup" in stage):
        if lookup["from"] in TENANT_COLLECTIONS:
            yield from _matches(lookup.get("pipeline", ()))


def names_a_tenant(filter: Command) -> bool:
    """Whether the filter holds for documents of one organization only."""
    asked = filter.get("organization_id")
    if isinstance(asked, Mapping):
        asked = asked.get("$eq")
    return isinstance(asked, ObjectId) or any(names_a_tenant(part) for part in filter.get("$and", ()))


def meant(collection: str, filter: Command) -> bool:
    """Whether the filter is one of those that may go without a tenant."""
    return (collection, frozenset(_names(filter))) in PLATFORM_FILTERS


def _names(filter: Command) -> Iterator[str]:
    for name, value in filter.items():
        if name == "$and":
            for part in value:
                yield from _names(part)
        else:
            yield name
