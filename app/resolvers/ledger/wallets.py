from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry

from app import models
from app.core.errors import Forbidden, NotFound, Unavailable
from app.schema.kit.audiences import member
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import mutation, query, subscription
from app.schema.ledger.purses import Purse
from app.schema.ledger.statements import AccountStatement
from app.schema.ledger.wallets import PaymentPage, Wallet, WalletChanged, WalletStep
from app.services.ledger import statements, top_ups, wallets


@strawberry.type
class Query:
    @query(Wallet | None, member())
    async def wallet(self, info: Info, currency: str) -> models.LedgerAccount | None:
        """One's wallet in a currency; null where one has none."""
        return await wallets.mine(info.context.actor, currency)

    @query(AccountStatement | None, member())
    async def account_statement(
        self, info: Info, purse: Purse, currency: str, month: str
    ) -> statements.Statement | None:
        """What was booked in an account of one's own in a month, such as 2026-11, of the organization's clock."""
        return await statements.of(info.context.actor, purse, currency, month)


@strawberry.type
class Mutation:
    @mutation(Wallet, member())
    async def open_wallet(self, info: Info, input: wallets.WalletOpening) -> models.LedgerAccount:
        """One's wallet in a currency, opened if one has none."""
        return await wallets.open_wallet(info.context.actor, input)

    @mutation(PaymentPage, member(), fails=(Unavailable,))
    async def top_up_wallet(self, info: Info, input: top_ups.TopUp) -> top_ups.PaymentPage:
        """A page on which one pays into one's wallet; it is there once the payment has succeeded."""
        return await top_ups.top_up(info.context.actor, input)

    @mutation(PaymentPage, member(), fails=(NotFound, Forbidden, Unavailable))
    async def pay_for_escrow(self, info: Info, input: top_ups.EscrowPayment) -> top_ups.PaymentPage:
        """A page on which the buyer funds an escrow; it is funded once the payment has succeeded."""
        return await top_ups.pay_for_escrow(info.context.actor, input)

    @mutation(WalletStep, member(), in_turn=True)
    async def pay_from_wallet(self, info: Info, input: wallets.Purchase) -> wallets.Paid:
        """Pay for an order out of one's wallet, once however often it is asked for."""
        return await wallets.pay(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(WalletChanged, member())
    async def wallet_changed(self, info: Info, currency: str, after: str | None = None) -> AsyncGenerator[Any, None]:
        """What is booked in one's wallet, after the cursor of an earlier event or from now on."""
        following = Following(info.context, await wallets.feed(info.context.actor, currency), after, [WalletChanged])
        async with aclosing(following.__aiter__()) as events:
            async for event in events:
                yield event
