"""R60, R61: when endpoints are tried, left alone, warned of, disabled, and how they catch up."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise

import pytest
from starlette.responses import Response

from app.core import changes
from app.core.clock import new_id, now
from app.models import WebhookDeliveryState, WebhookEndpoint, WebhookFault, WebhookState
from app.services.webhooks import deliveries, endpoints
from app.services.webhooks.deliveries import WebhookReplay
from app.services.webhooks.endpoints import WebhookEndpointEdit, WebhookResumption
from app.services.webhooks.failures import GAPS, JITTER, OPEN, TRIES
from tests.jobs.webhooks.stage import Stage, staged
from tests.jobs.working import Worker
from tests.receiver import Heard, Receiver, receiver

DELIVERED, FAILED = WebhookDeliveryState.DELIVERED, WebhookDeliveryState.FAILED


@pytest.fixture
async def stage(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(monkeypatch) as stage:
        yield stage


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


def refuse(heard: Heard) -> Response:
    return Response("no", 500)


async def test_what_does_not_arrive_is_tried_as_published_then_given_up_and_can_be_replayed(
    stage: Stage, server: Receiver
) -> None:
    server.answer = refuse
    made, began = await stage.make(f"{server.url}/"), now()
    await stage.tell()
    await stage.work()
    await stage.wait_all()
    assert len(server.heard) == TRIES
    assert len({one.id for one in server.heard}) == 1
    moments = [int(one.headers["webhook-timestamp"]) for one in server.heard]
    for gap, (first, second) in zip(GAPS, pairwise(moments), strict=True):
        wanted = gap.total_seconds()
        assert wanted * (1 - JITTER) - 1 <= second - first <= wanted * (1 + JITTER) + 2
    [row] = await stage.sent()
    assert (row.state, row.tries, len(row.attempts)) == (FAILED, TRIES, TRIES)
    assert stage.troubles == [None]  # those who manage it were warned, once

    stage.later(days=3)
    await stage.tell()
    await stage.work()
    await stage.wait_all()
    disabled = await stage.endpoint(made)
    assert (disabled.state, disabled.fault) == (WebhookState.DISABLED, WebhookFault.FAILING)
    assert stage.troubles == [None, WebhookFault.FAILING.value]

    for _ in range(3):
        await stage.tell()
    await stage.work()
    server.heard.clear()
    server.answer = lambda _: Response("ok")
    await endpoints.resume(stage.owner, WebhookResumption(endpoint_id=made.endpoint.id))
    await stage.work()
    assert len(server.heard) == len({one.id for one in server.heard}) == 4  # what waited, and what happened meanwhile
    stage.later(minutes=1)
    asked = WebhookReplay(endpoint_id=made.endpoint.id, since=began - timedelta(minutes=1), failed_only=True)
    await deliveries.replay(stage.owner, asked)
    await stage.work()
    assert [one.id for one in server.heard[4:]] == [f"msg_{row.event_id}"]
    everything = asked.model_copy(update={"failed_only": False})
    server.heard.clear()
    await deliveries.replay(stage.owner, everything)
    await stage.work()
    assert len(server.heard) == len({one.id for one in server.heard}) == 5
    assert {row.state for row in await stage.sent()} == {DELIVERED}
    recovered = await stage.endpoint(made)
    assert (recovered.failures, recovered.failing_since, recovered.warned_at) == (0, None, None)


async def test_one_that_fails_is_left_alone_and_catches_up_when_it_answers(stage: Stage, server: Receiver) -> None:
    server.answer = refuse
    made = await stage.make(f"{server.url}/")
    for _ in range(30):
        await stage.tell()
    await stage.work()
    assert OPEN <= len(server.heard) <= OPEN + 3  # a few were on their way
    at = (await stage.endpoint(made)).position
    for _ in range(10):
        await stage.tell()
    for count in range(1, 6):
        server.heard.clear()
        await stage.wait()
        assert len(server.heard) <= 1, count
    assert (await stage.endpoint(made)).position == at, "the log is read on while nobody answers"
    server.heard.clear()
    server.answer = lambda _: Response("ok")
    await stage.wait_all()
    assert len(server.heard) == len({one.id for one in server.heard}) == 40
    assert {row.state for row in await stage.sent()} == {DELIVERED}


@pytest.mark.parametrize("date", [False, True])
async def test_retry_after_holds_for_the_whole_endpoint(stage: Stage, server: Receiver, date: bool) -> None:
    begun = now()
    wait = f"{begun + timedelta(hours=2):%a, %d %b %Y %H:%M:%S GMT}" if date else "7200"
    server.answer = lambda _: Response("later", 503, {"Retry-After": wait})
    await stage.make(f"{server.url}/")
    await stage.tell()
    await stage.work()
    await stage.tell()
    await stage.work()
    assert len(server.heard) == 1
    server.answer = lambda _: Response("ok")
    await stage.wait_all()
    assert len(server.heard) == 3
    assert all(int(one.headers["webhook-timestamp"]) >= begun.timestamp() + 7_199 for one in server.heard[1:])


async def test_what_concerns_one_thing_arrives_in_order_where_that_is_asked_for(stage: Stage, server: Receiver) -> None:
    first, second = new_id(), new_id()
    broken = True

    def answer(heard: Heard) -> Response:
        return Response("no", 500) if broken and str(first) in heard.body.decode() else Response("ok")

    server.answer = answer
    await stage.make(f"{server.url}/", ordered=True)
    await stage.tell(first, second, first, second, first)
    await stage.work()
    heard = [one.content["data"]["webhookEvent"]["customRoleId"][-24:] for one in server.heard]
    assert heard.count(str(second)) == 2
    assert heard.count(str(first)) == 1
    broken = False
    server.heard.clear()
    await stage.wait_all()
    told = {f"msg_{row.event_id}": row.position for row in await stage.sent()}
    assert [told[one.id] for one in server.heard] == sorted(told[one.id] for one in server.heard)
    assert len(server.heard) == 3


async def test_a_document_that_does_not_fit_any_more_stops_its_endpoint_and_no_other(
    stage: Stage, server: Receiver
) -> None:
    made, other = await stage.make(f"{server.url}/a"), await stage.make(f"{server.url}/b")
    await _spoil(stage, made.endpoint.id)
    await stage.tell()
    await stage.work()
    assert (await stage.endpoint(made)).fault is WebhookFault.DOCUMENT
    assert stage.troubles == [WebhookFault.DOCUMENT.value]
    assert [one.path for one in server.heard] == ["/b"]
    assert (await stage.endpoint(other)).failures == 0
    mended = WebhookEndpointEdit(endpoint_id=made.endpoint.id, document="{ webhookEvent { type } }")
    await endpoints.edit(stage.owner, mended, None, filtered=False)
    await endpoints.resume(stage.owner, WebhookResumption(endpoint_id=made.endpoint.id))
    await stage.work()
    assert [one.path for one in server.heard] == ["/b", "/a"]


async def _spoil(stage: Stage, id: object) -> None:
    """Let the schema have no such field any more."""
    gone = {"$set": {"document": "{ removedSince }"}}
    await changes.change(WebhookEndpoint, WebhookEndpoint.within(stage.inside, _id=id), gone)
