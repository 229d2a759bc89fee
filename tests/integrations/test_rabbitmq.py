"""The publisher, against a real broker: confirmed is kept, in order, whatever happens to the broker."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aio_pika
import pytest

from app.core.circuits import Breaker
from app.core.outside import Outside
from app.integrations import rabbitmq as module
from app.integrations.rabbitmq import Publication, Publisher
from tests.rabbitmq import RabbitMQ

EXCHANGE = "test.events"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Outside("rabbitmq in tests", timeout=10, concurrency=1, breaker=Breaker(failures=1_000))
    monkeypatch.setattr(module, "SERVER", server)


@pytest.fixture
async def publisher(rabbitmq: RabbitMQ) -> AsyncIterator[Publisher]:
    one = Publisher(rabbitmq.url, EXCHANGE)
    yield one
    await one.close()
    gc.collect()  # connections that never came about end themselves, if the loop runs
    await asyncio.sleep(0)


def publication(number: int, key: str = "acme.Made") -> Publication:
    return Publication(
        routing_key=key,
        id=f"{number:08}",
        type="Made.1",
        at=AT,
        headers={"position": number, "organization": "acme"},
        body=b'{"id": "%d"}' % number,
        content_type="application/json",
    )


class Queue:
    """A durable queue that is bound to some routing keys."""

    def __init__(self, broker: RabbitMQ, name: str, *keys: str) -> None:
        self._url, self._name, self._keys = broker.url, name, keys

    async def bind(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
            queue = await channel.declare_queue(self._name, durable=True)
            for key in self._keys:
                await queue.bind(exchange, key)

    async def drain(self) -> list[aio_pika.abc.AbstractIncomingMessage]:
        found = []
        async with await aio_pika.connect(self._url) as connection:
            queue = await (await connection.channel()).get_queue(self._name)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                found.append(message)
        return found


async def test_what_is_published_arrives_whole_and_in_order(rabbitmq: RabbitMQ, publisher: Publisher) -> None:
    queue = Queue(rabbitmq, "whole", "acme.*")
    await queue.bind()
    await publisher.publish([publication(n) for n in range(700)])
    await publisher.publish([publication(700), publication(701, "other.Made")])
    found = await queue.drain()
    assert [message.message_id for message in found] == [f"{n:08}" for n in range(701)]
    first = found[0]
    assert (first.type, first.timestamp, first.app_id) == ("Made.1", AT, "atrium")
    assert (first.delivery_mode, first.content_type) == (aio_pika.DeliveryMode.PERSISTENT, "application/json")
    assert first.headers == {"position": 0, "organization": "acme"}
    assert first.body == b'{"id": "0"}'


async def test_what_was_confirmed_outlives_the_broker(rabbitmq: RabbitMQ, publisher: Publisher) -> None:
    queue = Queue(rabbitmq, "outlives", "#")
    await queue.bind()
    await publisher.publish([publication(n) for n in range(100)])
    rabbitmq.kill()
    with pytest.raises(Exception):  # noqa: B017 - whichever of its errors
        await publisher.publish([publication(100)])
    rabbitmq.start()
    await publisher.publish([publication(100)])
    found: list[str | None] = []
    async with asyncio.timeout(30):
        while len(found) < 101:  # a queue that has just come back may say that it is empty before it is
            found += [message.message_id for message in await queue.drain()]
            await asyncio.sleep(0.1)
    assert found == [f"{n:08}" for n in range(101)]


async def test_a_frozen_broker_is_not_waited_for_for_ever(
    rabbitmq: RabbitMQ, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(rabbitmq, "frozen", "#")
    await queue.bind()
    await publisher.publish([publication(0)])
    monkeypatch.setattr(module, "SERVER", Outside("rabbitmq frozen", timeout=1, concurrency=1))
    rabbitmq.freeze()
    try:
        asked = time.monotonic()
        with pytest.raises(TimeoutError):
            await publisher.publish([publication(1)])
        print(f"given up after {time.monotonic() - asked:.2f} s")
        assert time.monotonic() - asked < 10
    finally:
        rabbitmq.thaw()
    async with asyncio.timeout(30):
        while True:
            try:
                await publisher.publish([publication(1)])
                break
            except (TimeoutError, OSError, aio_pika.exceptions.AMQPError):
                await asyncio.sleep(0.2)
    ids = [message.message_id for message in await queue.drain()]
    assert list(dict.fromkeys(ids)) == ["00000000", "00000001"], "the second perhaps twice, by the same id"


async def test_a_message_that_is_refused_fails_the_page(rabbitmq: RabbitMQ, publisher: Publisher) -> None:
    async with await aio_pika.connect(rabbitmq.url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        full = await channel.declare_queue("full", arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
        await full.bind(exchange, "full.#")
        with pytest.raises(aio_pika.exceptions.DeliveryError):
            await publisher.publish([publication(n, "full.Made") for n in range(10)])
        await full.delete(if_empty=False)


async def test_nobody_who_listens_is_no_failure(publisher: Publisher) -> None:
    await publisher.publish([publication(0, "nobody.Made")])
