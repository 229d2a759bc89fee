"""BIL-1 to BIL-3: payments as those who ask for them and those who make them see it, in a real browser too."""

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser import chromium
from tests.razorpay.server import Razorpay
from tests.stripe.server import Stripe
from tests.world import PATIENCE, Data, Person, Processes, World, until

ASKED = {"amount": {"amount": "1050", "currency": "EUR"}, "description": "Algebra, spring"}
SHOP = """<!doctype html><title>Shop</title><button id="pay">Pay</button><p id="state">...</p><script>
const ask = (query, variables) => fetch("/graphql", {method: "POST", body: JSON.stringify({query, variables}),
  headers: {"content-type": "application/json", authorization: `Bearer ${token}`}}).then((answer) => answer.json());
const show = (state) => { document.getElementById("state").textContent = state; };
const [token, paymentId] = location.hash.slice(1).split(",");
const query = `query($id: ID!) { node(id: $id) { ... on Payment { state cursor } } }`;
ask(query, {id: paymentId}).then(({data}) => {
  show(data.node.state);
  const socket = new WebSocket(`ws://${location.host}/graphql`, "graphql-transport-ws");
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () => send({type: "connection_init", payload: {authorization: `Bearer ${token}`}});
  socket.onmessage = ({data: text}) => {
    const {type, payload} = JSON.parse(text);
    if (type === "connection_ack") send({id: "1", type: "subscribe", payload: {
      query: `subscription($id: ID!, $after: String) { paymentEvents(paymentId: $id, after: $after) {
        payment { state } } }`, variables: {id: paymentId, after: data.node.cursor}}});
    if (type === "next") show(payload.data.paymentEvents.payment.state);
  };
});
document.getElementById("pay").onclick = async () => {
  const begin = `mutation($input: BeginCheckoutInput!) { beginCheckout(input: $input) {
    ... on CheckoutBegun { url } } }`;
  const input = {paymentId, successUrl: `${location.origin}/paid`, cancelUrl: `${location.origin}/shop`};
  const {data} = await ask(begin, {input});
  window.open(data.beginCheckout.url);
};
</script>"""


@pytest.fixture
async def asked(company: list[Person]) -> str:
    """The id of a payment that Ada was asked for."""
    owner, ada, _ = company
    return str((await owner.call("requestPayment", input={**ASKED, "userId": ada.id}))["id"])


async def seen(person: Person, id: str) -> Data:
    """A payment or a refund."""
    text = """query($id: ID!) { node(id: $id) {
      ... on Payment { state refunded { amount } } ... on Refund { refundState: state } } }"""
    return dict((await person.ask(text, id=id))["node"])


async def begin(person: Person, payment: str, **more: str) -> Any:
    pages = {"successUrl": f"{person.world.url}/paid", "cancelUrl": f"{person.world.url}/shop"}
    return await person.call("beginCheckout", input={"paymentId": payment, **pages, **more})


async def test_who_pays_on_the_page_sees_it_without_reloading(world: World, company: list[Person], asked: str) -> None:
    _, ada, _ = company
    async with chromium() as browser:
        # On a page that Atrium has served: browsers let no other connect to this machine.
        shop = await (await browser.new_context(bypass_csp=True)).new_page()
        await shop.goto(f"{world.url}/shop#{ada.token},{asked}")
        await shop.set_content(SHOP)
        state = shop.locator("#state")
        await expect(state).to_have_text("CREATED")
        async with shop.expect_popup() as opened:
            await shop.get_by_role("button", name="Pay").click()
        page = await opened.value
        await pay(page, "4000 0000 0000 0002")
        await expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        await pay(page, "4000 0027 6000 3184")
        await page.get_by_role("button", name="Complete").click()
        await page.wait_for_url(f"{world.url}/paid")
        await expect(state).to_have_text("SUCCEEDED", timeout=PATIENCE * 1000)


async def pay(page: Page, number: str) -> None:
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry").fill("12/34")
    await page.get_by_label("CVC").fill("123")
    await page.get_by_role("button", name="Pay").click()


async def test_nobody_else_pays_it_or_hears_of_it(company: list[Person], asked: str) -> None:
    owner, ada, grace = company
    assert (await begin(grace, asked))["code"] == "NOT_FOUND"
    assert (await begin(ada, asked, successUrl="https://evil.example/"))["code"] == "INVALID"
    assert (await begin(ada, asked, customerKind="ORGANIZATION"))["code"] == "FORBIDDEN"
    assert await ada.refused("refundPayment", input={"paymentId": asked, "key": "1"}) == "FORBIDDEN"
    assert (await grace.ask("query($id: ID!) { node(id: $id) { id } }", id=asked))["node"] is None
    assert [one["id"] for one in (await ada.call("myPayments"))["nodes"]] == [asked]
    assert [one["id"] for one in (await owner.call("payments"))["nodes"]] == [asked]
    async with grace.live() as socket:
        await socket.follow("paymentEvents", paymentId=asked)
        assert await socket.refusal() == "NOT_FOUND"
    assert (await owner.call("cancelPayment", input={"paymentId": asked}))["state"] == "CANCELLED"
    assert (await begin(ada, asked))["code"] == "NOT_PAYABLE"


async def test_a_payment_is_given_back_in_parts_and_never_more_than_it_was(
    company: list[Person], asked: str, stripe: Stripe
) -> None:
    owner, ada, _ = company
    begun = await begin(ada, asked)
    assert (await begin(ada, asked))["url"] == begun["url"], "there is one page"
    stripe.pages.take(begun["url"].rpartition("/")[2], "pm_card_visa")

    async def paid() -> bool:
        return bool((await seen(owner, asked))["state"] == "SUCCEEDED")

    await until(paid)
    given = {"paymentId": asked, "key": "first", "amount": {"amount": "50", "currency": "EUR"}}
    refund = await owner.call("refundPayment", input=given)
    assert (await owner.call("refundPayment", input=given))["id"] == refund["id"]
    for wrong, code in (
        ({"key": "other", "amount": {"amount": "1001", "currency": "EUR"}}, "REFUND_ABOVE_PAYMENT"),
        ({"key": "other", "amount": {"amount": "1", "currency": "USD"}}, "CURRENCY_MISMATCH"),
        ({"key": "other", "amount": {"amount": "0", "currency": "EUR"}}, "INVALID"),
        ({"amount": {"amount": "49", "currency": "EUR"}}, "KEY_REUSED"),
    ):
        assert (await owner.call("refundPayment", input=given | wrong))["code"] == code

    async def given_back() -> bool:
        return bool((await seen(owner, refund["id"]))["refundState"] == "SUCCEEDED")

    await until(given_back)
    assert (await seen(ada, asked))["refunded"]["amount"] == "50"


async def test_who_asks_or_who_pays_chooses_the_provider(company: list[Person], asked: str, razorpay: Razorpay) -> None:
    owner, ada, _ = company
    rupees = {**ASKED, "amount": {"amount": "49900", "currency": "INR"}, "userId": ada.id}
    other = (await owner.call("requestPayment", input={**rupees, "provider": "RAZORPAY"}))["id"]
    begun = await begin(ada, other)
    assert begun["url"].startswith(razorpay.url)
    assert (await begin(ada, other, provider="STRIPE"))["code"] == "PAGE_ELSEWHERE"
    moved = await begin(ada, asked, provider="RAZORPAY")
    for page in (begun, moved):
        razorpay.links.pay(page["url"].rpartition("/")[2])

    async def paid() -> bool:
        return all([(await seen(owner, id))["state"] == "SUCCEEDED" for id in (asked, other)])

    await until(paid)
    refused = [
        await ada.call("openBillingPortal", input={"returnUrl": ada.world.url, "provider": "RAZORPAY"}),
        await ada.call("beginPaymentSetup", input={"provider": "PAYPAL"}),
        await ada.call("beginPaymentSetup", input={"method": "UPI"}),
        await owner.call("requestPayment", input={**rupees, "provider": "RAZORPAY", "saveMethod": True}),
    ]
    unsupported, unoffered = "NOT_SUPPORTED_BY_PROVIDER", "PROVIDER_NOT_OFFERED"
    assert [one["code"] for one in refused] == [unsupported, unoffered, unsupported, unsupported]
    assert "/cust_" in (await ada.call("beginPaymentSetup", input={"provider": "RAZORPAY"}))["clientSecret"]


async def test_what_stripe_could_not_tell_is_found_by_the_command(
    company: list[Person], asked: str, stripe: Stripe, processes: Processes
) -> None:
    owner, ada, _ = company
    page = (await begin(ada, asked))["url"].rpartition("/")[2]
    [webhook] = stripe.webhooks
    webhook.held = True
    stripe.pages.take(page, "pm_card_visa")
    webhook.held, webhook.backlog = False, []
    told = json.loads(await asyncio.to_thread(processes.run, "billing", "sync", "--json"))
    assert told["payments"] >= 1
    assert (await seen(owner, asked))["state"] == "SUCCEEDED"


async def test_a_card_is_saved_chosen_and_removed(company: list[Person], stripe: Stripe) -> None:
    _, ada, grace = company
    for card in ("pm_card_visa", "pm_card_mastercard"):
        secret = (await ada.call("beginPaymentSetup", input={}))["clientSecret"]
        stripe.customers.confirm_setup({"payment_method": card}, secret.partition("_secret")[0])

    async def saved() -> Any:
        nodes = (await ada.call("paymentMethods"))["nodes"]
        return nodes if len(nodes) == 2 else None

    methods = await until(saved)
    [default], [other] = ([one for one in methods if one["default"] is which] for which in (True, False))
    assert (await grace.call("removePaymentMethod", input={"methodId": other["id"]}))["code"] == "NOT_FOUND"
    assert (await ada.call("setDefaultPaymentMethod", input={"methodId": other["id"]}))["default"]
    await ada.call("removePaymentMethod", input={"methodId": other["id"]})
    [left] = (await ada.call("paymentMethods"))["nodes"]
    assert (left["id"], left["default"]) == (default["id"], True)
    portal = await ada.call("openBillingPortal", input={"returnUrl": ada.world.url})
    assert portal["url"].startswith(stripe.url)
