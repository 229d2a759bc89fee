"""Orders, what is tried to pay them, and what follows from it: refunds and disputes."""

import time
from typing import Any

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing
from tests.razorpay.customers import MEANS, Customers, Means
from tests.razorpay.state import Refusal, State, listed, notes_of

Params = dict[str, Any]
RECURRING = "email! contact! amount! currency! order_id! customer_id! token! recurring! description notes"
ORDER = "amount! currency! receipt notes payment_capture customer_id method token"
LIST = "from to count skip"
WEEK = 7 * 86_400
"""Seconds in which a seller answers a dispute."""


class Payments:
    def __init__(self, state: State, routes: Routes, customers: Customers) -> None:
        self.state, self.customers = state, customers
        self._allowed: dict[str, Params] = {}
        """By order: the customer and the token that it is to make."""
        self._means: dict[str, Means] = {}
        """By payment."""
        self.poor = False
        """Whether there is nothing to give back from."""
        add = routes.add
        add("POST", "/v1/orders", ORDER, self.order)
        add("GET", "/v1/orders", f"{LIST} receipt authorized", self.orders)
        add("GET", "/v1/orders/{id}", "", lambda params, id: self.state.get("order", id))
        add("GET", "/v1/orders/{id}/payments", "", self.attempts)
        add("POST", "/v1/payments/create/recurring", RECURRING, self.recurring)
        add("GET", "/v1/payments", LIST, lambda params: listed(self.state.all("payment"), params))
        add("GET", "/v1/payments/{id}", "", lambda params, id: self.state.get("payment", id))
        add("POST", "/v1/payments/{id}/refund", "amount speed notes receipt", self.refund)
        add("GET", "/v1/payments/{id}/refunds", LIST, self.refunds)
        add("GET", "/v1/refunds", LIST, lambda params: listed(self.state.all("refund"), params))
        add("GET", "/v1/refunds/{id}", "", lambda params, id: self.state.get("refund", id))
        add("GET", "/v1/disputes", LIST, lambda params: listed(self.state.all("dispute"), params))
        add("GET", "/v1/disputes/{id}", "", lambda params, id: self.state.get("dispute", id))

    def order(self, params: Params) -> Thing:
        amount, receipt = params["amount"], params.get("receipt")
        if not isinstance(amount, int) or amount < 100:
            raise Refusal("Order amount less than minimum amount allowed", field="amount")
        if receipt is not None and len(receipt) > 40:
            raise Refusal("The receipt may not be greater than 40 characters.", field="receipt")
        made = self.state.make(
            "order", amount=amount, amount_due=amount, currency=params["currency"], receipt=receipt,
            notes=notes_of(params),
        )  # fmt: skip
        if "token" in params:
            self.state.get("customer", params["customer_id"])
            self._allowed[made["id"]] = {
                "customer": params["customer_id"], "method": params["method"], **params["token"],
            }  # fmt: skip
        return made

    def orders(self, params: Params) -> Thing:
        more = {"receipt": params["receipt"]} if "receipt" in params else {}
        return listed(self.state.all("order", **more), params)

    def attempts(self, params: Params, id: str) -> Thing:
        found = self.state.all("payment", order_id=self.state.get("order", id)["id"])
        return {"entity": "collection", "count": len(found), "items": found}

    def pay(self, order_id: str, name: str = "upi") -> Thing:
        """What a customer does in Checkout: they pay an order, and so allow a token if the order is to make one."""
        order, means = self.state.get("order", order_id), MEANS[name]
        made = self._attempt(order, means, email="ada@example.com", contact="+919000090000")
        if allowed := self._allowed.get(order_id):
            assert means.method == allowed["method"], "Checkout offers nothing else"
            token = self.customers.save(allowed["customer"], name, allowed)
            made |= {"customer_id": allowed["customer"], "token_id": token["id"]}
        self._capture(made)
        return made

    def decline(self, order_id: str, reason: str) -> Thing:
        made = self._attempt(self.state.get("order", order_id), MEANS["card"])
        self._fail(made, reason)
        return made

    def lapse(self, order_id: str) -> None:
        """What is authorized and never captured goes back by itself."""
        self._attempt(self.state.get("order", order_id), MEANS["card"]).update(status="refunded")

    def recurring(self, params: Params) -> Thing:
        """Nothing here keeps one from charging twice an order that is not paid yet: it is not said that it does."""
        order = self.state.get("order", params["order_id"])
        if order["status"] == "paid":
            raise Refusal("Payment already done for this order.")
        if (params["amount"], params["currency"]) != (order["amount"], order["currency"]):
            raise Refusal("Your payment amount is different from your order amount.", field="amount")
        token = self.customers.token({}, params["customer_id"], params["token"])
        if token["recurring_details"]["status"] != "confirmed":
            raise Refusal("The token is not confirmed for recurring payments.", reason="mandate_not_active")
        if params["amount"] > token["max_amount"]:
            raise Refusal("Your payment amount exceeds the mandate.", reason="transaction_limit_exceeded")
        means = self.customers.means[token["id"]]
        made = self._attempt(order, means, email=params["email"], contact=params["contact"])
        made |= {"customer_id": params["customer_id"], "token_id": token["id"], "notes": notes_of(params)}
        if means.reason:
            self._fail(made, means.reason)
            raise Refusal("The payment has failed.", reason=means.reason, metadata={"payment_id": made["id"]})
        if not means.late:
            self._capture(made)
        return {"razorpay_payment_id": made["id"], "razorpay_order_id": order["id"], "razorpay_signature": "00"}

    def settle(self, payment_id: str, *, reason: str | None = None) -> None:
        """What has become of a payment that was late."""
        found = self.state.get("payment", payment_id)
        if reason:
            self._fail(found, reason)
        else:
            self._capture(found)

    def refund(self, params: Params, id: str) -> Thing:
        payment = self.state.get("payment", id)
        key, asked = self.state.headers.get("x-refund-idempotency", ""), [id, params]
        if known := self.state.known(key, asked):
            return known
        if self.poor:
            raise Refusal("Your account does not have enough balance to carry out the refund operation.")
        left = payment["amount"] - payment["amount_refunded"]
        amount = params.get("amount", left)
        if not payment["captured"] or not 1 <= amount <= left:
            raise Refusal("The total refund amount is greater than the refund payment amount", field="amount")
        status = self._means[id].refunds
        made = self.state.make(
            "refund", amount=amount, currency=payment["currency"], payment_id=id, notes=notes_of(params),
            receipt=params.get("receipt"), status=status,
        )  # fmt: skip
        payment["amount_refunded"] += amount
        whole = payment["amount_refunded"] == payment["amount"]
        payment |= {"refund_status": "full" if whole else "partial"} | ({"status": "refunded"} if whole else {})
        self.state.keep(key, asked, made)
        self.state.tell("refund.created", refund=made, payment=payment)
        if status == "processed":
            self.state.tell("refund.processed", refund=made, payment=payment)
        return made

    def settle_refund(self, id: str, *, failed: bool = False) -> None:
        """What has become of a refund at the customer's bank."""
        found = self.state.get("refund", id)
        found["status"] = "failed" if failed else "processed"
        payment = self.state.get("payment", found["payment_id"])
        if failed:
            payment["amount_refunded"] -= found["amount"]
        self.state.tell(f"refund.{found['status']}", refund=found, payment=payment)

    def refunds(self, params: Params, id: str) -> Thing:
        return listed(self.state.all("refund", payment_id=self.state.get("payment", id)["id"]), params)

    def dispute(self, payment_id: str) -> Thing:
        payment = self.state.get("payment", payment_id)
        made = self.state.make(
            "dispute",
            payment_id=payment_id,
            amount=payment["amount"],
            currency=payment["currency"],
            respond_by=int(time.time()) + WEEK,
        )
        self.state.tell("payment.dispute.created", payment=payment, dispute=made)
        return made

    def decide(self, id: str, *, won: bool) -> None:
        found = self.state.get("dispute", id)
        found |= {"status": "won" if won else "lost", "amount_deducted": 0 if won else found["amount"]}
        payment = self.state.get("payment", found["payment_id"])
        self.state.tell(f"payment.dispute.{found['status']}", payment=payment, dispute=found)

    def _attempt(self, order: Thing, means: Means, **known: Any) -> Thing:
        if order["status"] == "paid":
            raise Refusal("Payment already done for this order.")
        order |= {"status": "attempted", "attempts": order["attempts"] + 1}
        made = self.state.make(
            "payment", amount=order["amount"], currency=order["currency"], order_id=order["id"], method=means.method,
            notes=order["notes"], **known,
        )  # fmt: skip
        self._means[made["id"]] = means
        return made

    def _capture(self, payment: Thing) -> None:
        order = self.state.get("order", payment["order_id"])
        payment |= {"status": "authorized"}
        self.state.tell("payment.authorized", payment=payment)
        payment |= {"status": "captured", "captured": True}
        order |= {"status": "paid", "amount_paid": order["amount"], "amount_due": 0}
        self.state.tell("payment.captured", payment=payment)
        self.state.tell("order.paid", payment=payment, order=order)

    def _fail(self, payment: Thing, reason: str) -> None:
        payment |= {"status": "failed", "error_code": "BAD_REQUEST_ERROR", "error_reason": reason}
        payment |= {"error_description": "The payment has failed.", "error_source": "customer"}
        payment |= {"error_step": "payment_debit_request"}
        self.state.tell("payment.failed", payment=payment)
