"""Customers, what they pay with, and how it is saved."""

from typing import Any

from tests.integrations.routes import Routes
from tests.stripe.cards import CARDS, REFUSED_AT_ONCE, Card
from tests.stripe.state import Refusal, State, Thing, invalid, listed

Params = dict[str, Any]
SETUP_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


class Customers:
    def __init__(self, state: State, routes: Routes) -> None:
        self.state = state
        self.cards: dict[str, Card] = {}
        """By the id of a payment method."""
        self.detached: set[str] = set()
        self.proved: set[str] = set()
        """Methods whose owner has told their bank that they may be charged later."""
        add = routes.add
        add("POST", "/v1/customers", "CustomerCreateParams", self.create)
        add("GET", "/v1/customers", "CustomerListParams", self.list)
        add("GET", "/v1/customers/{id}", "CustomerRetrieveParams", self.retrieve)
        add("POST", "/v1/customers/{id}", "CustomerUpdateParams", self.update)
        add("DELETE", "/v1/customers/{id}", "CustomerDeleteParams", self.delete)
        add("GET", "/v1/payment_methods", "PaymentMethodListParams", self.methods)
        add("GET", "/v1/payment_methods/{id}", "PaymentMethodRetrieveParams", self.method)
        add("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams", self.attach)
        add("POST", "/v1/payment_methods/{id}/detach", "PaymentMethodDetachParams", self.detach)
        add("POST", "/v1/setup_intents", "SetupIntentCreateParams", self.create_setup)
        add("GET", "/v1/setup_intents/{id}", "SetupIntentRetrieveParams", self.setup)
        add("POST", "/v1/setup_intents/{id}/confirm", "SetupIntentConfirmParams", self.confirm_setup)
        add("POST", "/v1/setup_intents/{id}/cancel", "SetupIntentCancelParams", self.cancel_setup)

    def create(self, params: Params) -> Thing:
        names = ("email", "name", "description", "metadata", "phone")
        known = {name: params[name] for name in names if name in params}
        made = self.state.make("customer", discount=None, **known)
        self.state.tell("customer.created", made)
        return made

    def list(self, params: Params) -> Thing:
        more = {"email": params["email"]} if "email" in params else {}
        return listed(self.state.all("customer", **more), params, "/v1/customers")

    def retrieve(self, params: Params, id: str) -> Thing:
        found = self.state.things.get(id)
        return found if found is not None and found.get("deleted") else self.state.get("customer", id)

    def update(self, params: Params, id: str) -> Thing:
        found = self.state.get("customer", id)
        found["metadata"] |= params.pop("metadata", None) or {}
        found["invoice_settings"] |= params.pop("invoice_settings", {})
        found |= {name: value for name, value in params.items() if name in found}
        self.state.tell("customer.updated", found)
        return found

    def delete(self, params: Params, id: str) -> Thing:
        self.state.get("customer", id)
        for one in self.state.all("payment_method", customer=id):
            self.detach({}, one["id"])
        gone = self.state.make("deleted_customer", id=id)
        self.state.tell("customer.deleted", gone)
        return gone

    def methods(self, params: Params) -> Thing:
        if "customer" not in params:
            raise invalid("Missing required param: customer.", "parameter_missing", "customer")
        return listed(self.state.all("payment_method", customer=params["customer"]), params, "/v1/payment_methods")

    def method(self, params: Params, id: str) -> Thing:
        return self.state.get("payment_method", id)

    def of_card(self, name: str) -> Thing:
        """A method of a test card; one that is there already for its own id."""
        if name not in CARDS:
            return self.state.get("payment_method", name)
        card = CARDS[name]
        made = self.state.make("payment_method", metadata={}, customer=None)
        made["card"] |= {"brand": card.brand, "last4": card.last4, "exp_month": 12, "exp_year": 2034}
        self.cards[made["id"]] = card
        return made

    def attach(self, params: Params, id: str) -> Thing:
        self.state.get("customer", params["customer"])
        if id in REFUSED_AT_ONCE:
            raise declined(CARDS[id])
        found = self.of_card(id)
        if found["customer"] not in (None, params["customer"]):
            raise invalid("The payment method you provided has already been attached to a customer.")
        if found["customer"] is None:
            found["customer"] = params["customer"]
            self.state.tell("payment_method.attached", found)
        return found

    def detach(self, params: Params, id: str) -> Thing:
        found = self.state.get("payment_method", id)
        if found["customer"] is None:
            raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
        found["customer"] = None
        self.detached.add(id)
        self.state.tell("payment_method.detached", found)
        return found

    def create_setup(self, params: Params) -> Thing:
        known = {name: params[name] for name in ("customer", "description", "metadata", "usage") if name in params}
        if "customer" in known:
            self.state.get("customer", known["customer"])
        made = self.state.make(
            "setup_intent",
            last_setup_error=None,
            next_action=None,
            automatic_payment_methods=None,
            payment_method_configuration_details=None,
            payment_method_types=params.get("allowed_payment_method_types", ["card"]),
            **known,
        )
        made["client_secret"] = f"{made['id']}_secret_{made['id'][::-1]}"
        self.state.tell("setup_intent.created", made)
        return self.confirm_setup(params, made["id"]) if params.get("confirm") else made

    def setup(self, params: Params, id: str) -> Thing:
        return self.state.get("setup_intent", id)

    def confirm_setup(self, params: Params, id: str) -> Thing:
        found = self.state.get("setup_intent", id)
        if found["status"] not in SETUP_OPEN:
            raise invalid(f"This SetupIntent is {found['status']}.", "setup_intent_unexpected_state")
        name = params.get("payment_method") or found["payment_method"]
        if not name:
            raise invalid("You cannot confirm this SetupIntent: it's missing a payment method.", None, "payment_method")
        if name in REFUSED_AT_ONCE:
            error = declined(CARDS[name])
            found |= {"status": "requires_payment_method", "last_setup_error": dict(error.body["error"])}
            self.state.tell("setup_intent.setup_failed", found)
            error.body["error"] |= {"setup_intent": dict(found)}
            raise error
        method = self.of_card(name)
        found["payment_method"] = method["id"]
        if self.cards[method["id"]].secure != "never" and method["id"] not in self.proved:
            found |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
            self.state.tell("setup_intent.requires_action", found)
            return found
        return self.complete_setup(id)

    def complete_setup(self, id: str) -> Thing:
        """The customer's bank knows who they are."""
        found = self.state.get("setup_intent", id)
        found |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
        self.proved.add(found["payment_method"])
        if found["customer"]:
            self.attach({"customer": found["customer"]}, found["payment_method"])
        self.state.tell("setup_intent.succeeded", found)
        return found

    def cancel_setup(self, params: Params, id: str) -> Thing:
        found = self.state.get("setup_intent", id)
        if found["status"] not in SETUP_OPEN:
            raise invalid(f"This SetupIntent is {found['status']}.", "setup_intent_unexpected_state")
        found |= {"status": "canceled", "cancellation_reason": params.get("cancellation_reason")}
        self.state.tell("setup_intent.canceled", found)
        return found


def declined(card: Card, code: str | None = None, decline_code: str | None = None) -> Refusal:
    code, decline_code = code or card.code or "card_declined", decline_code or card.decline_code
    return Refusal(402, "card_error", "Your card was declined.", code=code, decline_code=decline_code)
