"""Customers, and the tokens by which they are charged."""

from dataclasses import dataclass
from typing import Any

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing
from tests.razorpay.state import Refusal, State, listed, notes_of

Params = dict[str, Any]


@dataclass(frozen=True)
class Means:
    """By what somebody pays, and what becomes of later charges: `reason` is why they fail, `late` that they wait."""

    method: str = "upi"
    reason: str | None = None
    late: bool = False
    refunds: str = "processed"


MEANS = {
    "upi": Means(),
    "upi_late": Means(late=True),
    "upi_revoked": Means(reason="mandate_not_active"),
    "upi_poor": Means(reason="insufficient_funds"),
    "card": Means("card"),
    "card_slow_refunds": Means("card", refunds="pending"),
}


class Customers:
    def __init__(self, state: State, routes: Routes) -> None:
        self.state = state
        self.owners: dict[str, str] = {}
        """By token, the customer whose it is."""
        self.means: dict[str, Means] = {}
        """By token."""
        self.taken_for: str | None = None
        """Who is answered for everybody new."""
        add = routes.add
        add("POST", "/v1/customers", "name! email contact gstin fail_existing notes", self.create)
        add("GET", "/v1/customers/{id}", "", self.fetch)
        add("GET", "/v1/customers/{id}/tokens", "", self.tokens)
        add("GET", "/v1/customers/{id}/tokens/{token}", "", self.token)
        add("DELETE", "/v1/customers/{id}/tokens/{token}", "", self.delete)
        add("PUT", "/v1/customers/{id}/tokens/{token}/cancel", "", self.cancel)

    def create(self, params: Params) -> Thing:
        if not 5 <= len(params["name"]) <= 50:
            raise Refusal("The name must be between 5 and 50 characters.", field="name")
        if self.taken_for:
            return self.state.things[self.taken_for]
        email, contact = params.get("email"), params.get("contact")
        same = self.state.all("customer", email=email, contact=contact) if email and contact else []
        if same and params.get("fail_existing", "1") == "0":
            return same[0]
        if same:
            raise Refusal("Customer already exists for the merchant")
        return self.state.make("customer", name=params["name"], email=email, contact=contact, notes=notes_of(params))

    def fetch(self, params: Params, id: str) -> Thing:
        return self.state.get("customer", id)

    def tokens(self, params: Params, id: str) -> Thing:
        return listed([one for one in self.state.all("token") if self.owners[one["id"]] == id], params)

    def token(self, params: Params, id: str, token: str) -> Thing:
        if self.owners.get(token) != id:
            raise Refusal("The id provided does not exist")
        return self.state.get("token", token)

    def save(self, customer: str, name: str, allowed: Params) -> Thing:
        """A token, as soon as the customer has allowed it."""
        means = MEANS[name]
        made = self.state.make(
            "token", method=means.method, max_amount=allowed["max_amount"], expired_at=allowed["expire_at"]
        )
        if means.method == "upi":
            made["vpa"] = {"username": "ada", "handle": "okbank", "name": None}
        else:
            made["card"] = {"entity": "card", "last4": "8950", "network": "Visa", "type": "credit"}
            made["card"] |= {"expiry_month": 12, "expiry_year": 2034}
        self.owners[made["id"]], self.means[made["id"]] = customer, means
        self.state.tell("token.confirmed", token=made)
        return made

    def delete(self, params: Params, id: str, token: str) -> Thing:
        self.token(params, id, token)
        self.state.kinds[token] = "deleted"
        return {"deleted": True}

    def cancel(self, params: Params, id: str, token: str) -> Thing:
        found = self.token(params, id, token)
        if found["method"] != "upi" or found["recurring_details"]["status"] not in ("initiated", "confirmed", "paused"):
            raise Refusal("The mandate is not in a state in which it can be cancelled.")
        self.end(token)
        return {"id": token, "status": "cancellation_initiated"}

    def end(self, token: str, status: str = "cancelled") -> None:
        """What a customer does in the app of their bank."""
        found = self.state.get("token", token)
        found["recurring_details"] = {"status": status, "failure_reason": None}
        self.state.tell(f"token.{status}", token=found)
