"""The calls of a scene that are about payments, and what they find."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core.clock import new_id, now
from app.models import (
    BillingCustomerDocument,
    CustomerKind,
    DisputeDocument,
    PaymentDifferenceDocument,
    PaymentDifferenceKind,
    PaymentDifferenceState,
    PaymentDocument,
    PaymentMethodDocument,
    PaymentState,
    PaymentWay,
    PayoutAccountDocument,
    Provider,
    RemittanceDocument,
)
from tests.app.accounts import given, nothing, page
from tests.world import Person

Arguments = dict[str, Any]
AMOUNT = {"amount": "1050", "currency": "EUR"}


@dataclass(frozen=True, kw_only=True)
class Bills:
    """What a scene has of payments, by ids."""

    payment: str
    """Asked of the owner."""
    receipt: str
    """Of what the owner has paid in cash; a cent of it was given back."""
    refund: str
    payment_method: str
    """Of the owner, the default."""
    other_payment_method: str
    dispute: str
    difference: str
    """Open, of the payment that is disputed."""
    payout_account: str
    """Of the owner."""


def _key(_: Any) -> str:
    return secrets.token_hex(8)


CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "payments": lambda s: {"first": 3, "reference": s.text},
    "myPayments": page,
    "disputes": page,
    "allDisputes": lambda s: {"first": 3, "state": "OPEN", "organizationId": s.organization},
    "paymentDifferences": lambda s: {
        "first": 3,
        "state": "OPEN",
        "kind": "OTHER_AMOUNT",
        "organizationId": s.organization,
    },
    "seeToPaymentDifference": given(differenceId=lambda s: s.difference, note=lambda _: "New"),
    "paymentMethods": page,
    "payoutAccount": nothing,
    "requestPayment": given(
        userId=lambda s: s.second_owner,
        amount=lambda _: AMOUNT,
        description=lambda _: "New",
        provider=lambda _: "STRIPE",
    ),
    "beginCheckout": given(
        paymentId=lambda s: s.payment,
        successUrl=lambda s: f"{s.owner.world.url}/paid",
        cancelUrl=lambda s: f"{s.owner.world.url}/not-paid",
        provider=lambda _: "STRIPE",
    ),
    "cancelPayment": given(paymentId=lambda s: s.payment),
    "refundPayment": given(paymentId=lambda s: s.receipt, key=_key, amount=lambda _: AMOUNT | {"amount": "1"}),
    "recordPayment": given(
        key=_key,
        provider=lambda _: "CASH",
        userId=lambda s: s.second_owner,
        amount=lambda _: AMOUNT,
        reference=lambda _: "Order_1",
        externalReference=lambda _: "0815",
    ),
    "beginPaymentSetup": given(customerKind=lambda _: "PERSON", provider=lambda _: "STRIPE", method=lambda _: "CARD"),
    "setDefaultPaymentMethod": given(methodId=lambda s: s.other_payment_method),
    "removePaymentMethod": given(methodId=lambda s: s.other_payment_method),
    "openBillingPortal": given(returnUrl=lambda s: f"{s.owner.world.url}/billing", provider=lambda _: "STRIPE"),
    "beginPayoutOnboarding": given(returnUrl=lambda s: f"{s.owner.world.url}/billing", provider=lambda _: "STRIPE"),
    "choosePayoutDestination": given(
        customerKind=lambda _: "PERSON",
        provider=lambda _: "RAZORPAY",
        name=lambda _: "Ada Lovelace",
        accountNumber=lambda _: "765432123456789",
        ifsc=lambda _: "HDFC0000053",
    ),
    "paymentEvents": lambda s: {"paymentId": s.payment},
}


async def stored(person: Person, text: str) -> dict[str, str]:
    """The ids of payments to the person's organization, which they make themselves, and of what came of them."""
    assert person.world.store is not None
    organization, id = (ObjectId(one.partition("_")[2]) for one in (person.organization, person.id))
    moment = now()
    common = {"organization_id": organization, "created_at": moment}
    mine: dict[str, Any] = {**common, "customer_kind": CustomerKind.PERSON, "customer_id": id}
    asked = {"userId": person.id, "amount": AMOUNT, "description": text}
    noted = {"key": secrets.token_hex(8), "provider": "CASH", "userId": person.id, "amount": AMOUNT, "reference": text}
    payment = await person.call("requestPayment", input=asked)
    receipt = await person.call("recordPayment", input=noted)
    refund = await person.call("refundPayment", input=CALLS["refundPayment"](_Receipt(receipt["id"]))["input"])
    methods = [_method(mine, moment, default=default) for default in (True, False)]
    customer = BillingCustomerDocument.model_construct(**mine, provider=Provider.STRIPE, provider_ref=f"cus_{new_id()}")
    paid = _paid(mine, moment, text)
    dispute = _dispute(common, moment, text, paid)
    difference = _difference(moment, text, paid)
    account = _account(common, id, moment)
    remittance = RemittanceDocument.model_construct(
        **common, changed_at=moment, key=str(new_id()), account_id=account.id, amount=1, currency="EUR", reference=text,
        provider=Provider.CASH,
    )  # fmt: skip
    for row in (*methods, customer, paid, dispute, difference, account, remittance):
        await person.world.store[row.collection].insert_one(row.encode())
    return {
        "payment": payment["id"],
        "receipt": receipt["id"],
        "refund": refund["id"],
        "payment_method": f"PaymentMethod_{methods[0].id}",
        "other_payment_method": f"PaymentMethod_{methods[1].id}",
        "dispute": f"Dispute_{dispute.id}",
        "difference": f"PaymentDifference_{difference.id}",
        "payout_account": f"PayoutAccount_{account.id}",
    }


class _Receipt:
    def __init__(self, id: str) -> None:
        self.receipt = id


def _method(mine: dict[str, Any], moment: datetime, *, default: bool) -> PaymentMethodDocument:
    made: PaymentMethodDocument = PaymentMethodDocument.model_construct(
        **mine, provider=Provider.STRIPE, provider_ref=f"pm_{new_id()}", brand="visa", last4="4242", expires_month=12,
        expires_year=2034, default=default, observed_at=moment, changed_at=moment,
    )  # fmt: skip
    return made


def _paid(mine: dict[str, Any], moment: datetime, text: str) -> PaymentDocument:
    made: PaymentDocument = PaymentDocument.model_construct(
        **mine, changed_at=moment, key=str(new_id()), amount=1, currency="EUR", reference=text, description=text,
        provider=Provider.STRIPE, way=PaymentWay.CHECKOUT, provider_ref=f"pi_{new_id()}", state=PaymentState.SUCCEEDED,
    )  # fmt: skip
    return made


def _dispute(common: dict[str, Any], moment: datetime, text: str, paid: PaymentDocument) -> DisputeDocument:
    made: DisputeDocument = DisputeDocument.model_construct(
        **common, changed_at=moment, payment_id=paid.id, amount=1, currency="EUR", reason=text, observed_at=moment,
        provider_ref=f"dp_{new_id()}",
    )  # fmt: skip
    return made


def _difference(moment: datetime, text: str, paid: PaymentDocument) -> PaymentDifferenceDocument:
    made: PaymentDifferenceDocument = PaymentDifferenceDocument.model_construct(
        provider=Provider.STRIPE, kind=PaymentDifferenceKind.OTHER_AMOUNT, subject=f"pi_{new_id()}", detail=text,
        seller_id=paid.organization_id, payment_id=paid.id, state=PaymentDifferenceState.OPEN, found_at=moment,
        last_found_at=moment, changed_at=moment,
    )  # fmt: skip
    return made


def _account(common: dict[str, Any], id: ObjectId, moment: datetime) -> PayoutAccountDocument:
    made: PayoutAccountDocument = PayoutAccountDocument.model_construct(
        **common, changed_at=moment, holder_kind=CustomerKind.PERSON, holder_id=id, provider=Provider.STRIPE,
        provider_ref=f"acct_{new_id()}", observed_at=moment,
    )  # fmt: skip
    return made
