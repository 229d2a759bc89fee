"""A socket does not outlive the sign-in it belongs to (S10)."""

import asyncio
import time
from contextlib import AsyncExitStack

from tests.api.sockets.clients import Client, Served

SUBSCRIPTIONS = 100
BOUND = 5.0
"""Seconds within which a sign-in that ended must be felt."""


async def test_s10_revocation_closes_every_socket_with_4403(served: Served) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(served.socket("ada")) for _ in range(SUBSCRIPTIONS)]
        bystander = await stack.enter_async_context(served.socket("grace"))
        for client in [*clients, bystander]:
            await client.start("1", "subscription { mine }")
        assert {(await client.hear())["payload"]["data"]["mine"] for client in clients} == {"ada"}
        await served.revoke("ada")
        async with asyncio.timeout(BOUND):
            assert {await client.closed() for client in clients} == {(4403, "Forbidden")}
        assert (await bystander.hear())["payload"]["data"]["mine"] == "grace"
    await served.reaches(lambda state: state["open"] == 0)


async def test_s10_expiry_closes_every_socket_with_4403(served: Served) -> None:
    seconds = 3

    async def outlive(client: Client, expires_at: float) -> tuple[int, float]:
        await client.start("1", "subscription { mine }")
        code, _ = await client.closed()
        return code, time.monotonic() - expires_at

    async with AsyncExitStack() as stack:
        lives = []
        for _ in range(SUBSCRIPTIONS):
            client = await stack.enter_async_context(served.socket(f"ada;{seconds}"))
            lives.append(outlive(client, time.monotonic() + seconds))
        ends = await asyncio.gather(*lives)
    assert {code for code, _ in ends} == {4403}
    assert all(-1 < late < BOUND for _, late in ends)


async def test_a_socket_of_nobody_has_no_sign_in_to_end(served: Served) -> None:
    async with served.socket() as client:
        await served.revoke("ada")
        assert [m["type"] for m in await client.run('{ echo(text: "here") }')] == ["next", "complete"]
