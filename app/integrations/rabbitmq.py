"""Messages to RabbitMQ, over AMQP 0.9.1, by publisher confirms (https://www.rabbitmq.com/docs/confirms)."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import aio_pika
from aio_pika import DeliveryMode, ExchangeType
from aio_pika.abc import AbstractConnection, AbstractExchange

from app.core.circuits import Breaker
from app.core.outside import Outside

HEARTBEAT = 10
"""Seconds after which either side asks whether the other still lives."""
CLOSING = 1.0
"""Seconds that a connection gets to be closed in order."""

SERVER = Outside("rabbitmq", timeout=20, concurrency=1, breaker=Breaker(rest=5, longest=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message, kept by the broker over its restarts in the queues that the routing key leads to."""

    routing_key: str
    id: str
    type: str
    at: datetime
    headers: Mapping[str, str | int]
    body: bytes
    content_type: str


class Publisher:
    """Publishes to one durable topic exchange. It connects when it must, and anew after every failure."""

    def __init__(self, url: str, exchange: str) -> None:
        self._url, self._name = url, exchange
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Returns when the broker has confirmed all of them: each is in every queue that is bound to it, on disk.

        They are sent in order and arrive in order. After a failure it is not known which arrived: send all again.
        Raises Away while the broker is left alone; any other error may pass.
        """
        async with SERVER.call():
            try:
                exchange = await self._ready()
                await asyncio.gather(
                    *(exchange.publish(_message(one), one.routing_key, mandatory=False) for one in publications)
                )
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Let go of the connection; a broker that does not answer is not waited for."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(CLOSING):
                    await connection.close()

    async def _ready(self) -> AbstractExchange:
        if self._exchange is None or self._connection is None or self._connection.is_closed:
            await self.close()
            # Not `connect_robust`: what it sends again by itself would come behind what was sent meanwhile.
            self._connection = await aio_pika.connect(self._url, heartbeat=HEARTBEAT)
            channel = await self._connection.channel(publisher_confirms=True)
            self._exchange = await channel.declare_exchange(self._name, ExchangeType.TOPIC, durable=True)
        return self._exchange


def _message(publication: Publication) -> aio_pika.Message:
    return aio_pika.Message(
        publication.body,
        message_id=publication.id,
        type=publication.type,
        timestamp=publication.at,
        headers=dict(publication.headers),
        content_type=publication.content_type,
        delivery_mode=DeliveryMode.PERSISTENT,
        app_id="atrium",
    )
