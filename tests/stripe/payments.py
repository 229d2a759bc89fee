"""PaymentIntents and what follows from them: charges, refunds, disputes and what they do to the balance."""

import time
from typing import Any

from tests.integrations.routes import Routes
from tests.stripe.cards import Card
from tests.stripe.customers import Customers, declined
from tests.stripe.state import FIXTURES, Refusal, State, Thing, invalid, listed

Params = dict[str, Any]
CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing")
MOST = 99_999_999
WEEK = 7 * 86_400
"""Seconds in which a seller answers a dispute."""


class Payments:
    def __init__(self, state: State, routes: Routes, customers: Customers) -> None:
        self.state, self.customers = state, customers
        add = routes.add
        add("POST", "/v1/payment_intents", "PaymentIntentCreateParams", self.create)
        add("GET", "/v1/payment_intents", "PaymentIntentListParams", self.list)
        add("GET", "/v1/payment_intents/{id}", "PaymentIntentRetrieveParams", self.retrieve)
        add("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams", self.confirm)
        add("POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams", self.capture)
        add("POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams", self.cancel)
        add("GET", "/v1/charges", "ChargeListParams", self.charges)
        add("GET", "/v1/charges/{id}", "ChargeRetrieveParams", self.charge)
        add("POST", "/v1/refunds", "RefundCreateParams", self.refund)
        add("GET", "/v1/refunds", "RefundListParams", self.refunds)
        add("GET", "/v1/refunds/{id}", "RefundRetrieveParams", self.refunded)
        add("GET", "/v1/disputes", "DisputeListParams", self.disputes)
        add("GET", "/v1/disputes/{id}", "DisputeRetrieveParams", self.dispute)
        add("POST", "/v1/disputes/{id}", "DisputeUpdateParams", self.update_dispute)
        add("POST", "/v1/disputes/{id}/close", "DisputeCloseParams", lambda params, id: self.decide(id, won=False))
        add("GET", "/v1/balance_transactions", "BalanceTransactionListParams", self.transactions)
        add("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams", self.transaction)

    def create(self, params: Params) -> Thing:
        if not 1 <= params["amount"] <= MOST:
            raise invalid("Invalid positive integer", "parameter_invalid_integer", "amount")
        names = ("currency", "customer", "description", "metadata", "setup_future_usage", "transfer_group")
        known = {name: params[name] for name in names if name in params}
        if "customer" in known:
            self.state.get("customer", known["customer"])
        made = self.state.make(
            "payment_intent",
            amount=params["amount"],
            capture_method=params.get("capture_method", "automatic"),
            last_payment_error=None,
            next_action=None,
            processing=None,
            shipping=None,
            transfer_data=None,
            canceled_at=None,
            automatic_payment_methods=None,
            payment_method_configuration_details=None,
            payment_method_types=params.get("allowed_payment_method_types", ["card"]),
            **known,
        )
        made["client_secret"] = f"{made['id']}_secret_{made['id'][::-1]}"
        if "payment_method" in params:
            self._use(made, params["payment_method"])
        self.state.tell("payment_intent.created", made)
        return self.confirm({**params, "payment_method": None}, made["id"]) if params.get("confirm") else made

    def list(self, params: Params) -> Thing:
        more = {"customer": params["customer"]} if "customer" in params else {}
        return listed(self.state.all("payment_intent", **more), params, "/v1/payment_intents")

    def retrieve(self, params: Params, id: str) -> Thing:
        return self.state.get("payment_intent", id)

    def confirm(self, params: Params, id: str) -> Thing:
        found = self.state.get("payment_intent", id)
        if found["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise self._unexpected(found)
        if params.get("payment_method"):
            self._use(found, params["payment_method"])
        if found["payment_method"] is None:
            raise self._unexpected(found)
        method = self.customers.method({}, found["payment_method"])
        card, off_session = self.customers.cards[method["id"]], bool(params.get("off_session"))
        if card.code:
            raise self._decline(found, card, card.code, card.decline_code)
        proved = card.secure == "never" or (card.secure == "once" and method["id"] in self.customers.proved)
        if not proved and off_session and card.secure != "away":
            raise self._decline(found, card, "authentication_required", "authentication_required")
        if not proved:
            action = {"type": "redirect_to_url", "redirect_to_url": {"url": f"/3ds/{id}", "return_url": None}}
            found |= {"status": "requires_action", "next_action": action, "last_payment_error": None}
            self.state.tell("payment_intent.requires_action", found)
            return found
        return self.complete(id)

    def complete(self, id: str) -> Thing:
        """Charge: the customer's bank knows who they are, or does not want to."""
        found = self.state.get("payment_intent", id)
        card = self.customers.cards[found["payment_method"]]
        held = found["capture_method"] == "manual"
        charge = self._charge(found, captured=not held)
        found |= {"next_action": None, "last_payment_error": None, "latest_charge": charge["id"]}
        if found["setup_future_usage"] and found["customer"]:
            self.customers.proved.add(found["payment_method"])
            self.customers.attach({"customer": found["customer"]}, found["payment_method"])
        if held:
            found |= {"status": "requires_capture", "amount_capturable": found["amount"]}
            self.state.tell("payment_intent.amount_capturable_updated", found)
            return found
        found |= {"status": "succeeded", "amount_received": found["amount"]}
        self.state.tell("charge.succeeded", charge)
        self.state.tell("payment_intent.succeeded", found)
        if card.disputed:
            self._dispute(found, charge)
        return found

    def fail_action(self, id: str) -> Thing:
        """The customer could not tell their bank who they are."""
        found = self.state.get("payment_intent", id)
        card = self.customers.cards[found["payment_method"]]
        code = "payment_intent_authentication_failure"
        self._decline(found, card, code, None)
        return found

    def capture(self, params: Params, id: str) -> Thing:
        found = self.state.get("payment_intent", id)
        if found["status"] != "requires_capture":
            raise self._unexpected(found)
        amount = int(params.get("amount_to_capture") or found["amount_capturable"])
        if not 1 <= amount <= found["amount_capturable"]:
            raise invalid("You cannot capture so much.", "amount_too_large", "amount_to_capture")
        charge = self.state.get("charge", found["latest_charge"])
        charge |= {"captured": True, "amount_captured": amount}
        self._transaction("charge", amount, charge)
        found |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        self.state.tell("charge.captured", charge)
        self.state.tell("payment_intent.succeeded", found)
        return found

    def cancel(self, params: Params, id: str) -> Thing:
        found = self.state.get("payment_intent", id)
        if found["status"] not in CANCELLABLE:
            raise self._unexpected(found)
        found |= {"status": "canceled", "canceled_at": int(self.state.clock()), "next_action": None}
        found["cancellation_reason"] = params.get("cancellation_reason")
        self.state.tell("payment_intent.canceled", found)
        return found

    def charges(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("customer", "payment_intent") if name in params}
        return listed(self.state.all("charge", **more), params, "/v1/charges")

    def charge(self, params: Params, id: str) -> Thing:
        return self.state.get("charge", id)

    def refund(self, params: Params) -> Thing:
        intent = self.state.get("payment_intent", params["payment_intent"]) if "payment_intent" in params else None
        of = intent["latest_charge"] if intent else params.get("charge")
        if of is None:
            raise invalid("This PaymentIntent does not have a successful charge to refund.", None, "payment_intent")
        charge = self.state.get("charge", of)
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = params.get("amount", left)
        if left == 0:
            raise invalid(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
        if not 1 <= amount <= left:
            raise invalid(f"Refund amount is greater than unrefunded amount on charge ({left})", None, "amount")
        if charge["disputed"]:
            raise invalid(f"Charge {charge['id']} has been charged back.", "charge_disputed")
        card = self.customers.cards[charge["payment_method"]]
        status = "pending" if card.refunds == "pending" else "succeeded"
        made = self.state.make(
            "refund",
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            payment_intent=charge["payment_intent"],
            metadata=params.get("metadata") or {},
            reason=params.get("reason"),
            status=status,
        )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        made["balance_transaction"] = self._transaction("refund", -amount, made)["id"]
        self.state.tell("refund.created", made)
        self.state.tell("charge.refunded", charge)
        return made

    def settle_refund(self, id: str, *, failed: bool = False) -> Thing:
        """What has become of a refund at the customer's bank."""
        found = self.state.get("refund", id)
        charge = self.state.get("charge", found["charge"])
        found["status"] = "failed" if failed else "succeeded"
        if failed:
            found["failure_reason"] = "lost_or_stolen_card"
            charge["amount_refunded"] -= found["amount"]
            charge["refunded"] = False
            self._transaction("refund_failure", found["amount"], found)
            self.state.tell("refund.failed", found)
        self.state.tell("refund.updated", found)
        self.state.tell("charge.refund.updated", found)
        return found

    def refunds(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("charge", "payment_intent") if name in params}
        return listed(self.state.all("refund", **more), params, "/v1/refunds")

    def refunded(self, params: Params, id: str) -> Thing:
        return self.state.get("refund", id)

    def disputes(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("charge", "payment_intent") if name in params}
        return listed(self.state.all("dispute", **more), params, "/v1/disputes")

    def dispute(self, params: Params, id: str) -> Thing:
        return self.state.get("dispute", id)

    def update_dispute(self, params: Params, id: str) -> Thing:
        """As in Stripe's own tests, what is said in evidence decides. Source: docs.stripe.com/testing#evidence"""
        found = self.state.get("dispute", id)
        evidence = params.get("evidence") or {}
        found["evidence"] |= evidence
        if not params.get("submit", True):
            return found
        said = evidence.get("uncategorized_text")
        if said in ("winning_evidence", "losing_evidence"):
            return self.decide(id, won=said == "winning_evidence")
        found["status"] = "under_review"
        self.state.tell("charge.dispute.updated", found)
        return found

    def decide(self, id: str, *, won: bool) -> Thing:
        """What the customer's bank has decided."""
        found = self.state.get("dispute", id)
        if found["status"] in ("won", "lost"):
            raise invalid("This dispute is already closed.")
        found["status"] = "won" if won else "lost"
        if won:
            found["balance_transactions"].append(self._transaction("adjustment", found["amount"], found))
            self.state.tell("charge.dispute.funds_reinstated", found)
        self.state.tell("charge.dispute.closed", found)
        return found

    def transactions(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("source", "type", "currency") if name in params}
        return listed(self.state.all("balance_transaction", **more), params, "/v1/balance_transactions")

    def transaction(self, params: Params, id: str) -> Thing:
        return self.state.get("balance_transaction", id)

    def _use(self, intent: Thing, name: str) -> None:
        method = self.customers.of_card(name)
        if method["id"] in self.customers.detached:
            raise invalid("The PaymentMethod was detached: it may not be used again.", None, "payment_method")
        if intent["customer"] and method["customer"] not in (None, intent["customer"]):
            raise invalid("The payment method does not belong to the customer.", None, "payment_method")
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}

    def _charge(self, intent: Thing, *, captured: bool) -> Thing:
        amount = intent["amount"]
        made = self.state.make(
            "charge",
            amount=amount,
            amount_captured=amount if captured else 0,
            captured=captured,
            currency=intent["currency"],
            customer=intent["customer"],
            description=intent["description"],
            metadata=dict(intent["metadata"]),
            paid=True,
            payment_intent=intent["id"],
            payment_method=intent["payment_method"],
            refunded=False,
            status="succeeded",
            transfer_group=intent["transfer_group"],
        )
        if captured:
            made["balance_transaction"] = self._transaction("charge", amount, made)["id"]
        return made

    def _transaction(self, type: str, amount: int, source: Thing) -> Thing:
        return self.state.make(
            "balance_transaction",
            amount=amount,
            net=amount,
            currency=source["currency"],
            source=source["id"],
            type=type,
            reporting_category=type,
        )

    def _decline(self, intent: Thing, card: Card, code: str, decline_code: str | None) -> Refusal:
        """Note that a payment was declined, and the error that says so."""
        error = {"type": "card_error", "code": code, "message": "Your card was declined."}
        error |= {"decline_code": decline_code} if decline_code else {}
        failed = self._charge(intent, captured=False)
        failed |= {"status": "failed", "paid": False, "failure_code": code, "failure_message": error["message"]}
        self.state.tell("charge.failed", failed)
        method = intent["payment_method"]
        intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
        intent |= {"last_payment_error": {**error, "payment_method": {"id": method, "object": "payment_method"}}}
        intent["latest_charge"] = failed["id"]
        self.state.tell("payment_intent.payment_failed", intent)
        refused = declined(card, code, decline_code)
        refused.body["error"] |= {"charge": failed["id"], "payment_intent": dict(intent)}
        return refused

    def _dispute(self, intent: Thing, charge: Thing) -> None:
        charge["disputed"] = True
        made = self.state.make(
            "dispute",
            amount=charge["amount"],
            charge=charge["id"],
            currency=charge["currency"],
            payment_intent=intent["id"],
            reason="fraudulent",
            status="needs_response",
            is_charge_refundable=False,
            evidence_details={**FIXTURES["dispute"]["evidence_details"], "due_by": int(time.time()) + WEEK},
        )
        made["balance_transactions"] = [self._transaction("adjustment", -charge["amount"], made)]
        self.state.tell("charge.dispute.created", made)
        self.state.tell("charge.dispute.funds_withdrawn", made)

    def _unexpected(self, intent: Thing) -> Refusal:
        return invalid(f"This PaymentIntent's status is {intent['status']}.", "payment_intent_unexpected_state")
