"""BIL-10: RazorpayX, against a server that follows its reference: what is sent is sent once, to where it was to go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core import clock
from app.core.settings import settings
from app.integrations import razorpay, razorpay_payouts, razorpay_webhooks
from app.integrations.payments import About, Destination, Labels, NoAnswer, Refused, Stage, Unknown
from app.models import Provider
from app.services.billing.paying import providers
from tests.integrations.vendor import Fault, standing_in
from tests.razorpay.server import Razorpay

HOLDER: Labels = {"organization": "6750000000000000000000aa", "customer_kind": "person", "customer": "b" * 24}
BANK = Destination(name="Ada Lovelace", account_number="765432123456789", ifsc="HDFC0000053")
UPI = Destination(name="Ada Lovelace", vpa="ada@okbank")
PAYOUTS = "/v1/payouts"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Razorpay]:
    async with standing_in(razorpay_payouts, Razorpay, monkeypatch) as server:
        yield server


def labels(remittance: int) -> Labels:
    return {"organization": HOLDER["organization"], "remittance": f"{remittance:024x}"}


async def place(to: Destination = BANK) -> str:
    return (await razorpay_payouts.destination(HOLDER, to, "1")).ref


async def send(ref: str, remittance: int = 1, amount: int = 49_900, currency: str = "INR") -> str:
    of = labels(remittance)
    seen = await razorpay_payouts.payout(ref, amount, currency, of, f"{of['remittance']}:payout")
    assert (seen.labels, seen.stage) == (of, Stage.PROCESSING)
    return seen.ref


async def test_where_somebody_is_sent_money_is_made_once(server: Razorpay) -> None:
    first = await razorpay_payouts.destination(HOLDER, BANK, "1")
    assert (first.stage, first.labels) == (Stage.SUCCEEDED, HOLDER)
    assert (await razorpay_payouts.destination(HOLDER, BANK, "1")).ref == first.ref
    other = await razorpay_payouts.destination(HOLDER, UPI, "1")
    assert other.ref != first.ref
    [contact] = server.state.all("contact")
    assert [one["contact_id"] for one in server.state.all("fund_account")] == [contact["id"]] * 2
    assert "Ada" not in str(contact), "whose name it is only the account has to say"
    assert (await razorpay_payouts.destination(HOLDER, BANK, "2")).ref != first.ref, "another holder's is their own"
    server.state.things[first.ref]["active"] = False
    assert (await razorpay_payouts.destination(HOLDER, BANK, "1")).stage is Stage.REQUIRES_ACTION


@pytest.mark.parametrize("to", [replace(BANK, ifsc="HDFC"), replace(BANK, account_number="1"), replace(UPI, vpa="ada")])
@pytest.mark.usefixtures("server")
async def test_a_place_that_there_cannot_be_is_refused(to: Destination) -> None:
    with pytest.raises(Refused):
        await razorpay_payouts.destination(HOLDER, to, "1")


@pytest.mark.parametrize(
    ("to", "amount", "mode"),
    [(BANK, 100, "IMPS"), (BANK, 50_000_000, "IMPS"), (BANK, 50_000_001, "NEFT"), (UPI, 100, "UPI")],
)
async def test_money_is_sent_in_the_mode_that_takes_it(
    server: Razorpay, to: Destination, amount: int, mode: str
) -> None:
    sent = server.state.get("payout", await send(await place(to), amount=amount))
    assert (sent["mode"], sent["amount"], sent["reference_id"]) == (mode, amount, labels(1)["remittance"])


@pytest.mark.parametrize(
    ("status", "reason", "stage", "code"),
    [
        ("queued", None, Stage.PROCESSING, None),
        ("pending", None, Stage.PROCESSING, None),
        ("scheduled", None, Stage.PROCESSING, None),
        ("processing", None, Stage.PROCESSING, None),
        ("processed", "payout_processed", Stage.SUCCEEDED, None),
        ("reversed", "beneficiary_account_closed", Stage.FAILED, "beneficiary_account_closed"),
        ("failed", None, Stage.FAILED, "failed"),
        ("rejected", None, Stage.FAILED, "rejected"),
        ("cancelled", None, Stage.FAILED, "cancelled"),
    ],
)
async def test_each_state_of_a_payout_is_one_of_ours(
    server: Razorpay, status: str, reason: str | None, stage: Stage, code: str | None
) -> None:
    ref = await send(to := await place())
    server.payouts.settle(ref, status, reason)
    seen = await razorpay_payouts.payout_seen(to, ref)
    assert (seen.ref, seen.stage, seen.code, seen.labels) == (ref, stage, code, labels(1))


async def test_what_our_account_has_too_little_for_waits(server: Razorpay) -> None:
    server.payouts.poor = True
    assert server.state.get("payout", await send(await place()))["status"] == "queued"


@pytest.mark.parametrize("kind", ["error", "drop", "twice"])
async def test_whatever_becomes_of_the_answer_money_is_sent_once(server: Razorpay, kind: str) -> None:
    to = await place()
    server.faults.append(Fault("POST", PAYOUTS, kind))
    if kind != "twice":
        with pytest.raises(NoAnswer):
            await send(to)
    assert await send(to) == await send(to)
    assert len(server.state.all("payout")) == 1


async def test_what_was_sent_is_found_though_its_key_is_forgotten_or_was_another_s(server: Razorpay) -> None:
    to = await place()
    ref = await send(to)
    server.state.forget_keys()
    assert await send(to) == ref, "by its reference"
    server.payouts.late, server.state.things[to]["active"] = 1, False
    assert await send(to) == ref, "though the list is late, and nothing could be sent there now"
    other = await place(UPI)
    of, key = labels(1), f"{labels(1)['remittance']}:payout"
    await send(other, 2)
    await razorpay_payouts.payout(other, 100, "INR", labels(3), key)
    with pytest.raises(Refused):  # the key has sent something else, and this was not sent
        await razorpay_payouts.payout(other, 200, "INR", of, key)


@pytest.mark.parametrize(
    ("amount", "currency", "to"), [(100, "EUR", BANK), (99, "INR", BANK), (10_000_001, "INR", UPI)]
)
async def test_what_cannot_be_sent_is_refused(server: Razorpay, amount: int, currency: str, to: Destination) -> None:
    with pytest.raises(Refused):
        await send(await place(to), amount=amount, currency=currency)
    assert server.state.all("payout") == []


@pytest.mark.usefixtures("server")
async def test_what_is_not_there_is_unknown() -> None:
    with pytest.raises(Unknown):
        await razorpay_payouts.payout_seen("", "pout_1")
    with pytest.raises(Unknown):
        await send("fa_1")


async def test_payouts_are_told_of_by_webhooks_and_by_the_list(
    server: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(razorpay_payouts, "PAGE", 2)
    since = clock.now() - timedelta(hours=1)
    refs = [await send(await place(), n) for n in range(3)]
    server.payouts.settle(refs[0])
    told = [await razorpay.told(*server.letter(event)) for event in server.events]
    assert [razorpay_webhooks.about(one.type) for one in told] == [About.PAYOUT] * len(told)
    found = await razorpay_payouts.notices(since)
    assert {one.object_ref for one in found} == set(refs), "the list comes in parts"
    assert {one.ref for one in found} <= {one.ref for one in told}, "what is listed is what was told"
    assert razorpay.about("payout.downtime.started") is About.NOTHING
    assert razorpay.about("payout_link.issued") is About.NOTHING


async def test_without_an_account_nothing_is_sent_or_listed(server: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    since = clock.now() - timedelta(hours=1)
    monkeypatch.setattr(razorpay, "SERVER", razorpay_payouts.SERVER)
    await send(await place())
    assert len(await providers.notices(Provider.RAZORPAY, since)) == 1
    monkeypatch.setenv("RAZORPAY_PAYOUT_ACCOUNT", "")
    settings.cache_clear()
    assert razorpay.configured()
    assert not razorpay_payouts.configured()
    assert await providers.notices(Provider.RAZORPAY, since) == []
