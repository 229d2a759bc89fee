"""A worker at work beside vendors of the tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import ModuleType
from typing import Any

import pytest
import stripe as stripe_python

from app.core.circuits import Breaker
from app.core.jobs import Backoff
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import coinbase, paypal, razorpay, stripe
from app.integrations.payments import Refused
from tests.coinbase.server import Coinbase
from tests.integrations.vendor import Vendor, Webhook
from tests.jobs.billing.bazaar import Bazaar
from tests.jobs.billing.exchange import Exchange
from tests.jobs.billing.kiosk import Kiosk
from tests.jobs.billing.shop import Shop
from tests.jobs.billing.stage import Stage
from tests.jobs.working import Worker
from tests.paypal.server import PayPal
from tests.razorpay.server import Razorpay
from tests.stripe.server import Stripe

BY_STRIPE = (Stage, Stripe, stripe)
BY_RAZORPAY = (Bazaar, Razorpay, razorpay)
BY_PAYPAL = (Kiosk, PayPal, paypal)
BY_COINBASE = (Exchange, Coinbase, coinbase)
PAUSE = 0.05
"""Seconds between two attempts."""


@pytest.fixture
async def stage(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with _opened(idle, monkeypatch, BY_STRIPE) as [stage]:
        yield stage


@pytest.fixture
async def bazaar(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bazaar]:
    async with _opened(idle, monkeypatch, BY_RAZORPAY) as [bazaar]:
        yield bazaar


@pytest.fixture
async def kiosk(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kiosk]:
    async with _opened(idle, monkeypatch, BY_PAYPAL) as [kiosk]:
        yield kiosk


@pytest.fixture
async def exchange(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Exchange]:
    async with _opened(idle, monkeypatch, BY_COINBASE) as [exchange]:
        yield exchange


@pytest.fixture
async def both(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Stage, Bazaar]]:
    """One organization that sells by both."""
    async with _opened(idle, monkeypatch, BY_STRIPE, BY_RAZORPAY) as [stage, bazaar]:
        bazaar.seller = stage.seller
        yield stage, bazaar


@pytest.fixture
async def market(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Shop]]:
    """One organization that sells by every vendor, Stripe first. Its seller is the first shop's."""
    async with _opened(idle, monkeypatch, BY_STRIPE, BY_RAZORPAY, BY_PAYPAL, BY_COINBASE) as shops:
        yield shops


@asynccontextmanager
async def _opened(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, *wanted: tuple[type[Shop], type[Vendor], ModuleType]
) -> AsyncIterator[list[Any]]:
    """Shops, whose vendors answer the modules and are all that is set up."""
    unbroken = Breaker(failures=10_000)  # faults are many here, and each is to be met
    refusals = (Refused, stripe_python.CardError)
    monkeypatch.setattr(Backoff, "pause", lambda self, attempt: PAUSE)
    shops = list[Shop]()
    async with AsyncExitStack() as stack:
        for shop, vendor, module in wanted:
            outside = Outside("vendor of a test", timeout=20, concurrency=32, breaker=unbroken, refusals=refusals)
            monkeypatch.setattr(module, "SERVER", outside)
            server = await stack.enter_async_context(vendor.running())
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            held = Webhook("", held=True)
            server.webhooks.append(held)
            shops.append(shop(server, worker, held))
        settings.cache_clear()
        worker.start()
        yield shops
        await worker.stop()
