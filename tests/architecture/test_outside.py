"""PLT-14: every call to a vendor is bounded, and not made while the vendor is sick."""

import pytest

from tests.architecture.outside import unbounded
from tests.architecture.source import files

INTEGRATIONS = [path for path in files("app/integrations") if path.name != "__init__.py"]


def test_every_integration_goes_through_its_outside() -> None:
    assert INTEGRATIONS
    assert {path.name: list(unbounded(path.read_text())) for path in INTEGRATIONS} == {
        path.name: [] for path in INTEGRATIONS
    }


DECLARED = "SERVER = Outside('x', timeout=1, concurrency=1)\n"


@pytest.mark.parametrize(
    "bad",
    [
        "async def send(): await vendor.send()",
        "async def _send(): await vendor.send()",
        DECLARED + "async def send(): await vendor.send()",
        DECLARED + "async def send():\n async with SERVER.call(): pass\n await vendor.send()",
        DECLARED + "async def send():\n async with OTHER.call(): await vendor.send()",
        DECLARED + "async def send():\n async with SERVER: await vendor.send()",
        DECLARED + "async def send():\n async with vendor.Client() as client: pass",
        DECLARED + "async def send():\n if True:\n  async for one in vendor.all(): pass",
        DECLARED + "async def send():\n async with asyncio.timeout(1): await vendor.send()",
        DECLARED + "async def close(): await vendor.close()",
        DECLARED + "class Client:\n async def send(self): await self.post()",
    ],
)
def test_a_call_past_it_is_caught(bad: str) -> None:
    assert list(unbounded(bad))


@pytest.mark.parametrize(
    "good",
    [
        "def signature(body): return hmac(body)",
        DECLARED + "async def send():\n async with SERVER.call(): await vendor.send()",
        DECLARED
        + "async def send(to):\n async with SERVER.call(to): await _send()\nasync def _send(): await vendor.send()",
    ],
)
def test_a_call_through_it_is_not(good: str) -> None:
    assert list(unbounded(good)) == []
