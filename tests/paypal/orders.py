"""Orders, what is captured of them, and what follows from it: saved methods, refunds and disputes."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing
from tests.paypal.state import Refusal, State

Params = dict[str, Any]
ORDERS, CAPTURES, REFUNDS = "/v2/checkout/orders", "/v2/payments/captures", "/v2/payments/refunds"
TOKENS, DISPUTES = "/v3/vault/payment-tokens", "/v1/customer/disputes"


@dataclass(frozen=True)
class Means:
    """By what somebody pays: `issue` is why nothing is captured, `status` how a capture is at first."""

    issue: str | None = None
    status: str = "COMPLETED"
    refunds: str = "COMPLETED"


MEANS = {
    "wallet": Means(),
    "poor": Means(issue="INSTRUMENT_DECLINED"),
    "locked": Means(issue="PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
    "echeck": Means(status="PENDING"),
    "refused": Means(status="DECLINED"),
    "slow_refunds": Means(refunds="PENDING"),
}


class Orders:
    def __init__(self, state: State, routes: Routes) -> None:
        self.state = state
        self.headers: Mapping[str, str] = {}
        """Of the call that is answered."""
        self._kept: dict[tuple[str, str], str] = {}
        """By path and key, what was made."""
        self._means: dict[str, Means] = {}
        """By order, capture and token."""
        add = routes.add
        add("POST", ORDERS, "order", self.create)
        add("GET", f"{ORDERS}/{{id}}", "", lambda params, id: self.state.get("order", id))
        add("POST", f"{ORDERS}/{{id}}/capture", "capture", self.capture)
        add("GET", f"{CAPTURES}/{{id}}", "", lambda params, id: self.state.get("capture", id))
        add("POST", f"{CAPTURES}/{{id}}/refund", "refund", self.refund)
        add("GET", f"{REFUNDS}/{{id}}", "", lambda params, id: self.state.get("refund", id))
        add("GET", f"{TOKENS}/{{id}}", "", lambda params, id: self.state.get("token", id))
        add("DELETE", f"{TOKENS}/{{id}}", "", self.forget)
        add("GET", f"{DISPUTES}/{{id}}", "", lambda params, id: self.state.get("dispute", id))

    def create(self, params: Params) -> Thing:
        if known := self._known(ORDERS):
            return known
        unit = copy.deepcopy(params["purchase_units"][0])
        unit = {"reference_id": "default", **unit, "description": unit.get("description", "")[:127]}
        source = params.get("payment_source") or {}
        status = "PAYER_ACTION_REQUIRED" if source else "CREATED"
        made = self.state.make(
            "order", ORDERS, status=status, purchase_units=[unit], payment_source=copy.deepcopy(source)
        )
        rel = "payer-action" if source else "approve"
        made["links"].append({"href": f"{self.state.url}/checkoutnow?token={made['id']}", "rel": rel, "method": "GET"})
        return self._keep(ORDERS, made)

    def approve(self, id: str, means: str = "wallet") -> None:
        """What a customer does on the page of an order."""
        found = self.state.get("order", id)
        if found["status"] not in ("PAYER_ACTION_REQUIRED", "APPROVED"):
            raise Refusal("ORDER_NOT_PAYABLE")
        found["status"], self._means[id] = "APPROVED", MEANS[means]
        self.state.tell("CHECKOUT.ORDER.APPROVED", "order", found)

    def expire(self, id: str) -> None:
        """Orders that nobody pays are forgotten after a few hours."""
        self.state.get("order", id)
        self.state.kinds[id] = "forgotten"

    def capture(self, params: Params, id: str) -> Thing:
        order = self.state.get("order", id)
        if (known := self._known(f"{ORDERS}/{id}/capture")) is not None:
            return known
        if order["status"] == "COMPLETED":
            raise Refusal("ORDER_ALREADY_CAPTURED")
        vault_id = ((params.get("payment_source") or {}).get("paypal") or {}).get("vault_id")
        if vault_id:
            if self.state.kinds.get(vault_id) != "token":
                raise Refusal("TOKEN_ID_NOT_FOUND")
            means = self._means[vault_id]
        elif order["status"] == "APPROVED":
            means = self._means[id]
        else:
            raise Refusal("ORDER_NOT_APPROVED")
        if means.issue:  # and nothing of it is left to be seen
            raise Refusal(means.issue)
        self._take(order, means)
        return self._keep(f"{ORDERS}/{id}/capture", order)

    def _take(self, order: Thing, means: Means) -> None:
        unit = order["purchase_units"][0]
        invoice = unit.get("invoice_id")
        if invoice and self.state.all("capture", invoice_id=invoice):
            raise Refusal("DUPLICATE_INVOICE_ID")
        made = self.state.make(
            "capture", CAPTURES, status=means.status, amount=unit["amount"], custom_id=unit.get("custom_id"),
            invoice_id=invoice, supplementary_data={"related_ids": {"order_id": order["id"]}},
        )  # fmt: skip
        made["links"].append({"href": f"{self.state.url}{ORDERS}/{order['id']}", "rel": "up", "method": "GET"})
        unit["payments"], order["status"] = {"captures": [made]}, "COMPLETED"
        self._means[made["id"]] = means
        self._told(made)
        self.state.tell("CHECKOUT.ORDER.COMPLETED", "order", order)
        wallet = order["payment_source"].get("paypal") or {}
        attributes = wallet.get("attributes") or {}
        if attributes.get("vault", {}).get("store_in_vault") == "ON_SUCCESS" and means.status == "COMPLETED":
            self.save(attributes["customer"]["merchant_customer_id"], means)

    def _told(self, capture: Thing) -> None:
        name = "DENIED" if capture["status"] == "DECLINED" else capture["status"]
        self.state.tell(f"PAYMENT.CAPTURE.{name}", "capture", capture)

    def settle(self, order_id: str, status: str) -> None:
        """What has become of a capture that was pending."""
        [found] = self.captures(order_id)
        found["status"] = status
        self._told(found)

    def captures(self, order_id: str) -> list[Thing]:
        related = {"related_ids": {"order_id": order_id}}
        return self.state.all("capture", supplementary_data=related)

    def save(self, customer: str, means: Means) -> Thing:
        source = {
            "paypal": {"email_address": "ada@example.com", "account_id": "QYR5Z8XDVJNXQ", "usage_type": "MERCHANT"}
        }
        owner = {"id": "customer_1", "merchant_customer_id": customer}
        made = self.state.make("token", TOKENS, customer=owner, payment_source=source)
        self._means[made["id"]] = means
        self.state.tell("VAULT.PAYMENT-TOKEN.CREATED", "token", made)
        return made

    def spoil(self, token: str, means: str) -> None:
        """What becomes of later charges of a saved method."""
        self._means[token] = MEANS[means]

    def forget(self, params: Params, id: str) -> Thing:
        found = self.state.get("token", id)
        self.state.kinds[id] = "forgotten"
        self.state.tell("VAULT.PAYMENT-TOKEN.DELETED", "token", found)
        return {}

    def refund(self, params: Params, id: str) -> Thing:
        capture = self.state.get("capture", id)
        path = f"{CAPTURES}/{id}/refund"
        if known := self._known(path):
            return known
        order = self.state.get("order", capture["supplementary_data"]["related_ids"]["order_id"])
        payments = order["purchase_units"][0]["payments"]
        given = [one for one in payments.get("refunds", ()) if one["status"] in ("COMPLETED", "PENDING")]
        left = Decimal(capture["amount"]["value"]) - sum(Decimal(one["amount"]["value"]) for one in given)
        amount = params.get("amount") or {**capture["amount"], "value": str(left)}
        if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            raise Refusal("CAPTURE_FULLY_REFUNDED" if capture["status"] == "REFUNDED" else "CAPTURE_STATUS_NOT_VALID")
        if Decimal(amount["value"]) > left:
            raise Refusal("REFUND_AMOUNT_EXCEEDED")
        status = self._means[id].refunds
        made = self.state.make(
            "refund", REFUNDS, status=status, amount=amount, custom_id=params.get("custom_id") or capture["custom_id"],
            invoice_id=capture["invoice_id"],
        )  # fmt: skip
        made["links"].append({"href": f"{self.state.url}{CAPTURES}/{id}", "rel": "up", "method": "GET"})
        payments.setdefault("refunds", []).append(made)
        capture["status"] = "REFUNDED" if Decimal(amount["value"]) == left else "PARTIALLY_REFUNDED"
        name = "PAYMENT.CAPTURE.REFUNDED" if status == "COMPLETED" else "PAYMENT.REFUND.PENDING"
        self.state.tell(name, "refund", made)
        return self._keep(path, made)

    def settle_refund(self, id: str, *, failed: bool = False) -> None:
        """What has become of a refund that was pending."""
        found = self.state.get("refund", id)
        found["status"] = "FAILED" if failed else "COMPLETED"
        self.state.tell("PAYMENT.REFUND.FAILED" if failed else "PAYMENT.CAPTURE.REFUNDED", "refund", found)

    def dispute(self, order_id: str) -> Thing:
        [capture] = self.captures(order_id)
        transaction = {"seller_transaction_id": capture["id"], "custom": capture["custom_id"]}
        made = self.state.make(
            "dispute", DISPUTES, disputed_transactions=[transaction], dispute_amount=capture["amount"]
        )
        self.state.tell("CUSTOMER.DISPUTE.CREATED", "dispute", made)
        return made

    def decide(self, id: str, outcome: str) -> None:
        found = self.state.get("dispute", id)
        found |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
        self.state.tell("CUSTOMER.DISPUTE.RESOLVED", "dispute", found)

    def _known(self, path: str) -> Thing | None:
        """What was made before by the same key, as it is now. Refusals are not remembered: no page says they are."""
        key = self.headers.get("paypal-request-id")
        if not key or len(key) > 108:
            raise Refusal("PAYPAL_REQUEST_ID_REQUIRED", status=400)
        made = self._kept.get((path, key))
        return self.state.things[made] if made else None

    def _keep(self, path: str, made: Thing) -> Thing:
        self._kept[path, self.headers["paypal-request-id"]] = made["id"]
        return made
