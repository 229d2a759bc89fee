"""RazorpayX: contacts, where they are sent money, and the payouts that do it.

Source: https://razorpay.com/docs/api/x
"""

import re
from typing import Any

from tests.integrations.routes import Routes
from tests.integrations.vendor import Thing
from tests.razorpay.state import Refusal, State, listed, notes_of

Params = dict[str, Any]
ACCOUNT = "7878780080316316"
"""Ours, from which money is sent."""
NEW = (
    "account_number! fund_account_id! amount! currency! mode! purpose! reference_id narration notes "
    "queue_if_low_balance"
)
LIST = "account_number! contact_id fund_account_id mode reference_id status from to count skip"
LARGEST = {"UPI": 10_000_000, "IMPS": 50_000_000}
"""Paise, by mode."""
NAME = re.compile(r"[A-Za-z0-9 ’'\-_/(),.]{3,}[A-Za-z0-9.]?")


class Payouts:
    def __init__(self, state: State, routes: Routes) -> None:
        self.state = state
        self.poor = False
        """Whether our account has too little: what is to be sent waits."""
        self.late = 0
        """How many lists will not have what was made yet."""
        self.approved = True
        """Whether nobody has to approve of what is to be sent."""
        add = routes.add
        add("POST", "/v1/contacts", "name! email contact type reference_id notes", self.contact)
        add("POST", "/v1/fund_accounts", "contact_id! account_type! bank_account vpa", self.fund_account)
        add("GET", "/v1/fund_accounts/{id}", "", lambda params, id: self.state.get("fund_account", id))
        add("POST", "/v1/payouts", NEW, self.payout)
        add("GET", "/v1/payouts", LIST, self.payouts)
        add("GET", "/v1/payouts/{id}", "", lambda params, id: self.state.get("payout", id))

    def contact(self, params: Params) -> Thing:
        """The same one for the same details, but for its notes."""
        if not 3 <= len(params["name"]) <= 50 or not NAME.fullmatch(params["name"]):
            raise Refusal("The name is invalid.", field="name")
        if len(params.get("reference_id") or "") > 40:
            raise Refusal("The reference id may not be greater than 40 characters.", field="reference_id")
        told = {name: params.get(name) for name in ("name", "email", "contact", "type", "reference_id")}
        known = self.state.all("contact", **told)
        return known[0] if known else self.state.make("contact", **told, notes=notes_of(params))

    def fund_account(self, params: Params) -> Thing:
        self.state.get("contact", params["contact_id"])
        kind = params["account_type"]
        details = params.get(kind)
        if kind not in ("bank_account", "vpa") or not details or len(params) != 3:
            raise Refusal("The account type is invalid.", field="account_type")
        if kind == "bank_account":
            _check_bank(details)
            made = {"ifsc": details["ifsc"], "bank_name": "HDFC Bank", "name": details["name"], "notes": []}
            made["account_number"] = details["account_number"]
        else:
            user, at, handle = details["address"].partition("@")
            if not (user and at and handle):
                raise Refusal("The vpa.address is invalid.", field="address")
            made = {"username": user, "handle": handle, "address": details["address"]}
        told = {"contact_id": params["contact_id"], "account_type": kind, kind: made}
        known = self.state.all("fund_account", **told)
        return known[0] if known else self.state.make("fund_account", **told)

    def payout(self, params: Params) -> Thing:
        key = self.state.headers.get("x-payout-idempotency", "")
        if not re.fullmatch(r"[A-Za-z0-9_ -]{4,36}", key):
            raise Refusal("Idempotency key is missing. Include idempotency header and key in the request.")
        if known := self.state.known(key, params):
            return known
        _check_own(params)
        to, amount, mode = self.state.get("fund_account", params["fund_account_id"]), params["amount"], params["mode"]
        if not to["active"]:
            raise Refusal("The fund account is inactive.", field="fund_account_id")
        if not isinstance(amount, int) or amount < 100 or params["currency"] != "INR":
            raise Refusal("Minimum transaction amount should be 100 paise", field="amount")
        if (mode == "UPI") is not (to["account_type"] == "vpa") or mode not in ("UPI", "IMPS", "NEFT", "RTGS"):
            raise Refusal("Payout mode is not supported for the fund account type", field="mode")
        if amount > LARGEST.get(mode, amount):
            raise Refusal("The amount exceeds the limit of the mode", field="amount", reason="amount_limit_exceeded")
        if len(params.get("reference_id") or "") > 40:
            raise Refusal("The reference id may not be greater than 40 characters.", field="reference_id")
        status = "pending" if not self.approved else "queued" if self.poor else "processing"
        if self.poor and not params.get("queue_if_low_balance"):
            raise Refusal("Your account does not have enough balance to carry out the payout operation.")
        known_of = ("fund_account_id", "amount", "currency", "mode", "purpose", "reference_id", "narration")
        told = {name: params.get(name) for name in known_of}
        made = self.state.make("payout", **told, status=status, notes=notes_of(params))
        self.state.keep(key, params, made)
        self.state.tell("payout.initiated" if status == "processing" else f"payout.{status}", payout=made)
        return made

    def payouts(self, params: Params) -> Thing:
        _check_own(params)
        if self.late:
            self.late -= 1
            return listed([], params)
        equal = {name: params[name] for name in ("fund_account_id", "reference_id", "mode", "status") if name in params}
        return listed(self.state.all("payout", **equal), params)

    def settle(self, id: str, status: str = "processed", reason: str | None = None) -> None:
        """What becomes of a payout: on its way at last, or at an end."""
        found = self.state.get("payout", id)
        found |= {"status": status, "fees": 590, "tax": 90, "utr": "HDFCN00000000001"}
        if reason:
            details = {"reason": reason, "description": "It did not arrive.", "source": "beneficiary_bank"}
            found["status_details"] = details
        self.state.tell("payout.initiated" if status == "processing" else f"payout.{status}", payout=found)
        self.state.tell("payout.updated", payout=found)


def _check_own(params: Params) -> None:
    if params["account_number"] != ACCOUNT:
        raise Refusal("The account number does not exist", field="account_number")


def _check_bank(details: Params) -> None:
    if details.keys() != {"name", "ifsc", "account_number"}:
        raise Refusal("The bank account is invalid.", field="bank_account")
    if not 3 <= len(details["name"]) <= 120 or not NAME.fullmatch(details["name"]):
        raise Refusal("The name is invalid.", field="name")
    if not re.fullmatch(r"[A-Z]{4}0[A-Z0-9]{6}", details["ifsc"]):
        raise Refusal("Invalid IFSC Code", field="ifsc")
    if not re.fullmatch(r"[A-Za-z0-9]{5,35}", details["account_number"]):
        raise Refusal("The account number format is invalid.", field="account_number")
