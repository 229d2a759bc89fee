"""Payment links: pages on which orders are paid. Source: https://razorpay.com/docs/api/payments/payment-links"""

import time
from typing import Any

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing
from tests.razorpay.payments import LIST, Payments
from tests.razorpay.state import Refusal, State, listed, notes_of

Params = dict[str, Any]
NEW = (
    "amount! currency! accept_partial description customer notify reminder_enable notes callback_url callback_method"
    " expire_by reference_id upi_link"
)


class Links:
    def __init__(self, state: State, routes: Routes, payments: Payments) -> None:
        self.state, self.payments, self.url = state, payments, ""
        add = routes.add
        add("POST", "/v1/payment_links", NEW, self.create)
        add("GET", "/v1/payment_links", f"{LIST} reference_id payment_id", self.list)
        add("GET", "/v1/payment_links/{id}", "", lambda params, id: self.state.get("payment_link", id))
        add("POST", "/v1/payment_links/{id}/cancel", "", self.cancel)

    def create(self, params: Params) -> Thing:
        reference = params.get("reference_id", "")
        if len(reference) > 40:
            raise Refusal("reference_id: the length must be no more than 40.", field="reference_id")
        if reference and self.state.all("payment_link", reference_id=reference):
            raise Refusal(f"payment link creation failed: the reference_id {reference} is taken")
        if params["expire_by"] < time.time() + 900:
            raise Refusal("expire_by should be at least 15 minutes after current time", field="expire_by")
        made = self.state.make("payment_link", **{**params, "notes": notes_of(params)})
        made["short_url"] = f"{self.url}/l/{made['id']}"
        return made

    def list(self, params: Params) -> Thing:
        more = {"reference_id": params["reference_id"]} if "reference_id" in params else {}
        return {"payment_links": listed(self.state.all("payment_link", **more), params)["items"]}

    def cancel(self, params: Params, id: str) -> Thing:
        return self._end(id, "cancelled")

    def expire(self, id: str) -> Thing:
        """Nobody has paid in time."""
        return self._end(id, "expired")

    def pay(self, id: str, means: str = "upi") -> Thing:
        """Pay on the page of a link."""
        found = self._order(id)
        payment = self.payments.pay(found["order_id"], means)
        found |= {"status": "paid", "amount_paid": found["amount"]}
        order = self.state.get("order", found["order_id"])
        self.state.tell("payment_link.paid", payment_link=found, order=order, payment=payment)
        return payment

    def decline(self, id: str, reason: str) -> None:
        """Try to pay on the page of a link."""
        self.payments.decline(self._order(id)["order_id"], reason)

    def _order(self, id: str) -> Thing:
        """The link, whose order is made when somebody looks at it."""
        found = self.state.get("payment_link", id)
        if found["status"] != "created":
            raise Refusal("This page is closed.")
        if "order_id" not in found:
            asked = {name: found[name] for name in ("amount", "currency", "notes")}
            found["order_id"] = self.payments.order(asked)["id"]
        return found

    def _end(self, id: str, status: str) -> Thing:
        found = self.state.get("payment_link", id)
        if found["status"] != "created":
            raise Refusal(f"Payment link cannot be cancelled: it is {found['status']}")
        found |= {"status": status, f"{status}_at": int(time.time())}
        self.state.tell(f"payment_link.{status}", payment_link=found)
        return found
