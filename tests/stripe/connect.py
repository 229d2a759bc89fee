"""Connect: accounts of others, money moved into them and on to their banks."""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.integrations.routes import Routes
from tests.stripe.state import State, Thing, invalid, listed

Params = dict[str, Any]


class Connect:
    def __init__(self, state: State, routes: Routes) -> None:
        self.state = state
        self.url, self._returns = "", dict[str, str]()
        self.account: str | None = None
        """For which the call that is answered is made (`Stripe-Account`)."""
        self.owners: dict[str, str] = {}
        """By payout, the account that it is of."""
        add = routes.add
        add("POST", "/v1/accounts", "AccountCreateParams", self.create)
        add("GET", "/v1/accounts/{id}", "AccountRetrieveParams", self.retrieve)
        add("POST", "/v1/accounts/{id}", "AccountUpdateParams", self.update)
        add("POST", "/v1/account_links", "AccountLinkCreateParams", self.link)
        add("POST", "/v1/transfers", "TransferCreateParams", self.transfer)
        add("GET", "/v1/transfers", "TransferListParams", self.transfers)
        add("GET", "/v1/transfers/{id}", "TransferRetrieveParams", self.transferred)
        add("POST", "/v1/transfers/{id}/reversals", "TransferReversalCreateParams", self.take_back)
        add("POST", "/v1/payouts", "PayoutCreateParams", self.payout)
        add("GET", "/v1/payouts", "PayoutListParams", self.payouts)
        add("GET", "/v1/payouts/{id}", "PayoutRetrieveParams", self.paid)

    @property
    def routes(self) -> list[Route]:
        return [Route("/setup/{id}", self.onboard, methods=["GET", "POST"])]

    def create(self, params: Params) -> Thing:
        return self.state.make(
            "account",
            capabilities={"transfers": "inactive"},
            country=params.get("country", "DE"),
            email=params.get("email"),
            metadata=params.get("metadata") or {},
            type=params.get("type", "express"),
            charges_enabled=False,
            payouts_enabled=False,
            details_submitted=False,
        )

    def retrieve(self, params: Params, id: str) -> Thing:
        return self.state.get("account", id)

    def update(self, params: Params, id: str) -> Thing:
        found = self.state.get("account", id)
        found["metadata"] |= params.get("metadata") or {}
        return found

    def link(self, params: Params) -> Thing:
        self.state.get("account", params["account"])
        self._returns[params["account"]] = params["return_url"]
        moment = int(self.state.clock())
        url = f"{self.url}/setup/{params['account']}"
        return self.state.make("account_link", url=url, expires_at=moment + 300)

    async def onboard(self, request: Request) -> Response:
        id = request.path_params["id"]
        if request.method == "GET":
            form = f'<form method="post"><button>Agree</button></form><p>{escape(id)}</p>'
            return HTMLResponse(f"<!doctype html><title>Set up</title>{form}")
        self.submit(id)
        return RedirectResponse(self._returns[id], 303)

    def submit(self, id: str, *, enough: bool = True) -> Thing:
        """The holder has said who they are; `enough`, or Stripe wants to know more."""
        found = self.state.get("account", id)
        found |= {"details_submitted": True, "payouts_enabled": enough, "charges_enabled": enough}
        found["capabilities"] = {"transfers": "active" if enough else "pending"}
        due = [] if enough else ["individual.verification.document"]
        found["requirements"] |= {"currently_due": due, "past_due": [], "eventually_due": due, "disabled_reason": None}
        self.state.tell("account.updated", found, account=id)
        return found

    def transfer(self, params: Params) -> Thing:
        account = self.state.get("account", params["destination"])
        if account["capabilities"]["transfers"] != "active":
            raise invalid(
                "Your destination account needs to have the transfers capability enabled.",
                "insufficient_capabilities_for_transfer",
            )
        made = self.state.make(
            "transfer",
            amount=params["amount"],
            currency=params["currency"],
            destination=account["id"],
            description=params.get("description"),
            metadata=params.get("metadata") or {},
            transfer_group=params.get("transfer_group"),
        )
        self._balance(account["id"], params["currency"], params["amount"])
        self.state.tell("transfer.created", made)
        return made

    def transfers(self, params: Params) -> Thing:
        more = {name: params[name] for name in ("transfer_group", "destination") if name in params}
        return listed(self.state.all("transfer", **more), params, "/v1/transfers")

    def transferred(self, params: Params, id: str) -> Thing:
        return self.state.get("transfer", id)

    def take_back(self, params: Params, id: str) -> Thing:
        found = self.state.get("transfer", id)
        left = found["amount"] - found["amount_reversed"]
        amount = params.get("amount", left)
        if not 1 <= amount <= left:
            raise invalid("Transfer has already been reversed.", None, "amount")
        if self.balance(found["destination"], found["currency"]) < amount:
            raise invalid("The account has not so much.", "balance_insufficient")
        made = self.state.make("transfer_reversal", amount=amount, currency=found["currency"], transfer=id)
        found["amount_reversed"] += amount
        found["reversed"] = found["amount_reversed"] == found["amount"]
        self._balance(found["destination"], found["currency"], -amount)
        self.state.tell("transfer.reversed", found)
        return made

    def payout(self, params: Params) -> Thing:
        account = self.account
        if account is None:
            raise invalid("This server pays out of connected accounts only.")
        if not self.state.get("account", account)["payouts_enabled"]:
            raise invalid("Payouts are not enabled for this account.", "payouts_not_allowed")
        if self.balance(account, params["currency"]) < params["amount"]:
            raise invalid("You have insufficient funds in your account.", "balance_insufficient", "amount")
        made = self.state.make(
            "payout",
            amount=params["amount"],
            automatic=False,
            currency=params["currency"],
            description=params.get("description"),
            metadata=params.get("metadata") or {},
            reconciliation_status="not_applicable",
            status="pending",
            trace_id=None,
        )
        self.owners[made["id"]] = account
        self._balance(account, params["currency"], -params["amount"])
        self.state.tell("payout.created", made, account=account)
        return made

    def settle(self, id: str, *, failed: str | None = None) -> Thing:
        """What has become of a payout at the bank; `failed` is Stripe's code."""
        found, account = self.state.get("payout", id), self.owners[id]
        if failed is None:
            found["status"] = "paid"
            self.state.tell("payout.paid", found, account=account)
            return found
        found |= {"status": "failed", "failure_code": failed, "failure_message": "The bank would not have it."}
        self._balance(account, found["currency"], found["amount"])
        self.state.tell("payout.failed", found, account=account)
        return found

    def payouts(self, params: Params) -> Thing:
        mine = [one for one in self.state.all("payout") if self.owners[one["id"]] == self.account]
        return listed(mine, params, "/v1/payouts")

    def paid(self, params: Params, id: str) -> Thing:
        if self.owners.get(id) != self.account:
            raise invalid(f"No such payout: '{id}'", "resource_missing", "id", 404)
        return self.state.get("payout", id)

    def balance(self, account: str, currency: str) -> int:
        return self.state.balances.get(f"{account}:{currency}", 0)

    def _balance(self, account: str, currency: str, amount: int) -> None:
        self.state.balances[f"{account}:{currency}"] = self.balance(account, currency) + amount
