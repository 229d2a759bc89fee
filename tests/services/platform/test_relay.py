"""PLT-13: every event reaches RabbitMQ, in order, whoever dies."""

import asyncio
import os
import random
import secrets
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage
from bson import Binary, Decimal128, ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core import database as connection
from app.core.actor import Actor
from app.core.changes import Change, Event, log, operations
from app.core.database import Document
from app.core.settings import settings
from app.dev.children import Child
from app.models.messaging.events import MessageSent
from app.services.platform import relay
from tests.rabbitmq import RabbitMQ
from tests.world import Processes, until

Database = AsyncDatabase[Document]
SEED = int(os.environ.get("RELAY_SEED", "1"))
PATIENCE = 60
ORGANIZATIONS = [ObjectId() for _ in range(3)]


@dataclass
class Relaying:
    """A database with a log of its own, a process that relays it, and a queue that gets everything."""

    database: Database
    broker: RabbitMQ
    worker: Child
    queue: str

    async def until_done(self, position: int) -> None:
        """Wait until the broker has everything up to a position."""
        async with asyncio.timeout(PATIENCE):
            while not any(
                one.name == relay.NAME and one.position and one.position >= position
                for one in await operations.consumers()
            ):
                await asyncio.sleep(0.1)


@pytest.fixture
async def relaying(
    database: AsyncDatabase[Document], rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Relaying]:
    monkeypatch.setattr(connection, "_name", f"atrium_relay_{secrets.token_hex(6)}")
    fresh = connection.database()
    await changes.prepare()
    queue = secrets.token_hex(6)
    await bind(rabbitmq, queue)
    command = [sys.executable, "-m", "tests.services.platform.relaying", os.environ["MONGODB_URI"], fresh.name]
    worker = Child("relaying", command, tmp_path, environment={**os.environ, "RELAY_URL": rabbitmq.url})
    worker.start()
    yield Relaying(fresh, rabbitmq, worker, queue)
    worker.stop(5)
    await connection.client().drop_database(fresh.name)


async def bind(broker: RabbitMQ, name: str) -> None:
    """Declare a queue that gets everything."""
    async with await aio_pika.connect(broker.url) as client:
        channel = await client.channel()
        exchange = await channel.declare_exchange(relay.EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        await (await channel.declare_queue(name, durable=True)).bind(exchange, "#")


async def drain(broker: RabbitMQ, name: str) -> list[AbstractIncomingMessage]:
    """What is in a queue, which is empty then."""
    found = []
    async with await aio_pika.connect(broker.url) as client:
        queue = await (await client.channel()).get_queue(name)
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            found.append(message)
    return found


def sent(organization: ObjectId | None) -> MessageSent:
    return MessageSent(Actor(organization, ObjectId()), conversation=ObjectId(), message=ObjectId(), sender=ObjectId())


@changes.atomic
async def tell(*events: Event) -> None:
    changes.emit(*events)


async def test_a_row_is_a_cloud_event(relaying: Relaying) -> None:
    event, platforms = sent(ORGANIZATIONS[0]), sent(None)
    await tell(event, platforms)
    await relaying.until_done(2)
    message, other = await drain(relaying.broker, relaying.queue)
    row = await relaying.database.log.find_one({"_id": 1})
    assert row
    epoch = (await log.state()).epoch
    organization = str(ORGANIZATIONS[0])
    assert (message.routing_key, message.message_id) == (f"{organization}.MessageSent", str(event.id))
    assert message.content_type == "application/cloudevents+json"
    assert message.headers == {
        "type": "MessageSent", "version": 1, "organization": organization, "position": 1, "epoch": epoch
    }  # fmt: skip
    assert orjson.loads(message.body) == {
        "specversion": "1.0",
        "id": str(event.id),
        "source": str(settings().public_url),
        "type": "MessageSent.1",
        "time": row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "organization": organization,
        "position": "1",
        "epoch": str(epoch),
        "actor": event.actor.name,
        "streams": " ".join(row["s"]),
        "data": orjson.loads(orjson.dumps(row["d"], default=str)),
    }
    assert other.routing_key == "platform.MessageSent"


@pytest.mark.timeout(300)
async def test_killed_and_frozen_it_loses_nothing_and_keeps_the_order(relaying: Relaying) -> None:
    """Which faults, and when, follows from RELAY_SEED."""
    chance = random.Random(SEED)
    told: list[ObjectId] = []

    async def write() -> None:
        while not over.is_set():
            event = sent(chance.choice(ORGANIZATIONS))
            await tell(event)
            told.append(event.id)
            await asyncio.sleep(0.005)

    over = asyncio.Event()
    writing = asyncio.create_task(write())
    faults: list[Callable[[Relaying], Awaitable[None]]] = [
        kill_worker,
        kill_broker,
        freeze_broker,
        kill_worker,
        kill_broker,
        kill_worker,
    ]
    chance.shuffle(faults)
    for fault in faults:
        await asyncio.sleep(chance.uniform(0.5, 2.0))
        await fault(relaying)
    over.set()
    await writing
    await relaying.until_done(len(told))

    messages = await drain(relaying.broker, relaying.queue)
    rows = await relaying.database.log.find().sort("_id", 1).to_list()
    assert [row["e"] for row in rows] == told
    first: dict[str, list[str]] = defaultdict(list)
    bodies: dict[str, bytes] = {}
    for message in messages:
        id, organization = str(message.message_id), str(message.headers["organization"])
        if id not in bodies:
            first[organization].append(id)
        assert bodies.setdefault(id, message.body) == message.body, "what comes again is the same"
    assert set(bodies) == {str(id) for id in told}
    for one in ORGANIZATIONS:
        assert first[str(one)] == [str(row["e"]) for row in rows if row["o"] == one]
    print(f"seed {SEED}: {len(told)} events, lost 0, {len(messages) - len(told)} came again")


async def test_a_worker_relays_where_it_is_told(
    database: AsyncDatabase[Document],
    rabbitmq: RabbitMQ,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, queue = f"atrium_relay_{secrets.token_hex(6)}", secrets.token_hex(6)
    monkeypatch.setattr(connection, "_name", name)
    await bind(rabbitmq, queue)
    redis = f"{redis_url.rpartition('/')[0]}/2"  # its worker must not take the hints that other tests send
    processes = Processes(tmp_path, name, RELAY_URL=rabbitmq.url, REDIS_URL=redis)
    processes.run("migrate")
    worker = processes.start("worker", "worker")
    try:
        event = sent(ORGANIZATIONS[0])
        await tell(event)

        async def arrived() -> bool:
            return any(message.message_id == str(event.id) for message in await drain(rabbitmq, queue))

        await until(arrived, PATIENCE)
    finally:
        worker.stop()
        await connection.client().drop_database(name)


async def test_what_json_has_no_word_for(database: AsyncDatabase[Document]) -> None:
    """A row that could not be turned into a message would hold up all behind it."""
    data = {"n": 2**60, "d": Decimal128("1.5"), "b": Binary(b"\0\xff"), "i": ObjectId("0" * 24), "f": [{"x": None}],
            "at": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    change = Change(5, ObjectId(), "NobodyKnows.7", None, ["a", "b"], "system", data, datetime.now(UTC))
    made = relay.publication(change, 1)
    assert made.routing_key == "platform.NobodyKnows"
    assert orjson.loads(made.body)["data"] == {
        "n": 2**60, "d": "1.5", "b": "AP8=", "i": "0" * 24, "f": [{"x": None}], "at": "2026-01-01T00:00:00Z"
    }  # fmt: skip


async def kill_worker(relaying: Relaying) -> None:
    relaying.worker.kill()
    relaying.worker.start()


async def kill_broker(relaying: Relaying) -> None:
    relaying.broker.kill()
    relaying.broker.launch()  # from the main thread, with which it would die
    await asyncio.to_thread(relaying.broker.wait)


async def freeze_broker(relaying: Relaying) -> None:
    relaying.broker.freeze()
    await asyncio.sleep(4)  # longer than a call may take here
    relaying.broker.thaw()
