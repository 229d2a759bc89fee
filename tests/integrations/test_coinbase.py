"""BIL-10: Coinbase Business by our own client, against a server that follows its reference."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.core import clock
from app.core.settings import settings
from app.integrations import coinbase
from app.integrations.coinbase_client import Signed, once
from app.integrations.coinbase_objects import worth, written
from app.integrations.payments import About, Labels, NoAnswer, Order, Refused, Stage, Unknown
from tests.coinbase.server import PLACE, Coinbase
from tests.integrations.vendor import Fault, standing_in

URL = "http://127.0.0.1/paid"
SELLER = "6750000000000000000000aa"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Coinbase]:
    async with standing_in(coinbase, Coinbase, monkeypatch) as server:
        yield server


def labels(payment: int) -> Labels:
    return {"organization": SELLER, "payment": f"{payment:024x}"}


def order(payment: int = 1, amount: int = 2_599, currency: str = "EUR") -> Order:
    return Order(amount=amount, currency=currency, description="x" * 600, labels=labels(payment), customer_ref="1")


@pytest.mark.parametrize(("amount", "value"), [(1, "0.01"), (10_050, "100.50"), (10_000_000_000, "100000000.00")])
def test_money_goes_there_and_back(amount: int, value: str) -> None:
    assert written(amount, "SGD") == {"amount": value, "currency": "SGD"}
    assert worth({"amount": "1.00", "currency": "USDC", "fiatAmount": value, "fiatCurrency": "SGD"}) == (amount, "SGD")
    assert worth({"amount": value, "currency": "USDC"}) == (amount, "USD")


@pytest.mark.parametrize(("amount", "currency"), [(0, "USD"), (10_000_000_001, "USD"), (100, "INR"), (100, "JPY")])
def test_what_cannot_be_written_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(Refused):
        written(amount, currency)


@pytest.mark.parametrize("value", ["0.001", "NaN", "much"])
def test_what_is_no_number_of_minor_units_is_refused(value: str) -> None:
    with pytest.raises(Refused):
        worth({"amount": value, "currency": "USD"})


async def test_a_page_is_paid_on_and_is_the_payment(server: Coinbase) -> None:
    made = await coinbase.page(order(), URL, URL, save=False, key="1")
    assert (made.stage, made.labels, made.payment_ref) == (Stage.OPEN, labels(1), None)
    assert made.url
    assert (await coinbase.page(order(), URL, URL, save=False, key="1")).ref == made.ref
    server.pay(made.ref, "PROCESSING")
    assert (await coinbase.close_page(made.ref)).stage is Stage.PROCESSING
    server.pay(made.ref)
    seen = await coinbase.payment(made.ref)
    assert (seen.stage, seen.amount, seen.currency, seen.labels) == (Stage.SUCCEEDED, 2_599, "EUR", labels(1))
    assert (await coinbase.page_seen(made.ref)).payment_ref == made.ref
    other = await coinbase.page(order(2), URL, URL, save=False, key="2")
    assert other.ref != made.ref
    assert (await coinbase.close_page(other.ref)).stage is Stage.CANCELLED
    assert (await coinbase.close_page(other.ref)).stage is Stage.CANCELLED


async def test_a_page_that_is_paid_on_while_it_is_closed_is_paid(
    server: Coinbase, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await coinbase.page(order(), URL, URL, save=False, key="1")
    ask = coinbase._ask

    async def meanwhile(method: str, path: str, **more: object) -> object:
        if path.endswith("/deactivate"):
            server.pay(made.ref)
        return await ask(method, path, **more)

    monkeypatch.setattr(coinbase, "_ask", meanwhile)
    assert (await coinbase.close_page(made.ref)).stage is Stage.SUCCEEDED


async def test_a_refund_is_made_once_for_its_key_and_is_found_by_its_reason(server: Coinbase) -> None:
    made = await coinbase.page(order(), URL, URL, save=False, key="1")
    of = {**labels(1), "refund": "f" * 24}
    with pytest.raises(Refused):
        await coinbase.refund(made.ref, 100, "EUR", of, "1")
    server.pay(made.ref)
    server.late = True
    [first, again] = [await coinbase.refund(made.ref, 599, "EUR", of, "2") for _ in range(2)]
    assert first == again
    assert (first.stage, first.amount, first.currency, first.labels) == (Stage.PROCESSING, 599, "EUR", of)
    with pytest.raises(Refused):
        await coinbase.refund(made.ref, 2_001, "EUR", of, "3")
    server.settle_refund(made.ref)
    assert await coinbase.refunds(made.ref) == [replace(first, stage=Stage.SUCCEEDED)]
    assert await coinbase.refund_seen(first.ref) == replace(first, stage=Stage.SUCCEEDED)
    with pytest.raises(Unknown):
        await coinbase.refund_seen(f"{made.ref}/another")


async def test_what_it_cannot_do_is_refused_and_what_is_not_there_is_unknown(server: Coinbase) -> None:
    with pytest.raises(Refused):
        await coinbase.page(order(), URL, URL, save=True, key="1")
    assert server.checkouts == {}
    for look in (coinbase.page_seen, coinbase.payment, coinbase.refunds, coinbase.close_page):
        with pytest.raises(Unknown):
            await look("../checkouts")


@pytest.mark.parametrize("kind", ["error", "drop", "down"])
async def test_an_answer_that_is_lost_is_no_refusal(server: Coinbase, kind: str) -> None:
    server.faults.append(Fault("POST", PLACE, kind))
    with pytest.raises(NoAnswer):
        await coinbase.page(order(), URL, URL, save=False, key="1")
    assert (await coinbase.page(order(), URL, URL, save=False, key="1")).ref in server.checkouts
    assert len(server.checkouts) == 1


async def test_who_has_another_key_is_not_answered(server: Coinbase, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    monkeypatch.setenv("COINBASE_KEY_SECRET", pem.replace("\n", "\\n"))
    settings.cache_clear()
    with pytest.raises(NoAnswer):
        await coinbase.page(order(), URL, URL, save=False, key="1")
    monkeypatch.setenv("COINBASE_KEY_SECRET", "no key")
    settings.cache_clear()
    with pytest.raises(Refused):
        await coinbase.page(order(), URL, URL, save=False, key="1")
    monkeypatch.delenv("COINBASE_KEY_ID")
    settings.cache_clear()
    assert not coinbase.configured()
    with pytest.raises(Refused):
        await coinbase.page_seen("1")
    assert server.checkouts == {}


async def test_a_token_is_good_for_one_call_only(server: Coinbase) -> None:
    made = await coinbase.page(order(), URL, URL, save=False, key="1")
    signed = Signed(*(server.environment[name] for name in ("COINBASE_KEY_ID", "COINBASE_KEY_SECRET")))
    request = httpx.Request("GET", f"{server.url}{PLACE}/{made.ref}")
    next(signed.auth_flow(request))
    by = {"Authorization": request.headers["Authorization"]}
    async with httpx.AsyncClient(base_url=server.url, headers=by) as http:
        assert (await http.get(f"{PLACE}/{made.ref}")).status_code == 200
        assert (await http.post(f"{PLACE}/{made.ref}/deactivate")).status_code == 401
        assert (await http.get(PLACE)).status_code == 401


def test_a_key_is_always_the_same_uuid() -> None:
    assert once("1") == once("1") != once("2")


async def test_the_list_tells_what_webhooks_do_by_the_same_names(
    server: Coinbase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a part of it holds."""
    monkeypatch.setattr(coinbase, "PAGE", 2)
    start = clock.now() - timedelta(minutes=1)
    for n, status in enumerate(("COMPLETED", "FAILED", "EXPIRED", "COMPLETED", "PROCESSING")):
        made = await coinbase.page(order(n), URL, URL, save=False, key=str(n))
        server.pay(made.ref, status)
        if n == 3:
            await coinbase.refund(made.ref, 599, "EUR", {**labels(n), "refund": "f" * 24}, f"{n}:back")
    told = [await coinbase.told(*server.letter(event)) for event in server.events]
    found = await coinbase.notices(start)
    assert {one.ref for one in found} == {one.ref for one in told}
    assert len(found) == len(told) == 5
    assert {coinbase.about(one.type) for one in found} == {About.PAGE, About.REFUNDS}
    assert await coinbase.notices(clock.now() + timedelta(minutes=1)) == []
    assert coinbase.about("onramp.transaction.success") is About.NOTHING
