"""A run of an endpoint: it reads the log, sends what is due, a few requests at a time, and sleeps when nothing is."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import orjson
from bson import ObjectId

from app.core import changes, clock
from app.core.actor import Actor
from app.core.changes import Change, log
from app.core.clock import now
from app.core.destinations import Unreached, UrlRefused
from app.core.errors import Conflict
from app.core.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_DELAY
from app.core.outside import Away
from app.core.paging import OLDEST, Order
from app.integrations.egress import Answer, egress
from app.models import (
    Organization,
    OrganizationState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
    WebhookFault,
    WebhookState,
    WebhookType,
)
from app.models.webhooks.events import WebhookEndpointChanged, WebhookTroubled, WebhookWoken
from app.services.webhooks import failures, public, reading, signing, waking
from app.services.webhooks.documents import DEFAULT, DocumentRefused, documents
from app.services.webhooks.endpoints import ENDPOINT

IN_FLIGHT = 4
"""Requests to one endpoint at once."""
BATCH = 50
WINDOW = 1_000
"""Deliveries that may wait to be tried again; while there are so many, no more is read of the log."""
RUN = 20.0
"""Seconds after which another run goes on, so that endpoints take turns."""
ATTEMPTS_KEPT = 20
ANSWER_KEPT = 1_024
"""Bytes of an answer that are kept."""
MAX_BODY = 256 * 1024
CLOSED = timedelta(hours=1)
"""After which to look again at an organization that is closed."""

PENDING = WebhookDeliveryState.PENDING
_NEW_FIRST = Order(("tries", "_id"), descending=False)
_AS_TOLD = Order(("position", "_id"), descending=False)
_OURS = frozenset({"UNAVAILABLE", "TIMEOUT"})
"""Codes of errors that say nothing of the document."""


class NotNow(Exception):
    """What the document of an endpoint needs is down."""

    retry_after = 5.0


async def begin(woken: WebhookWoken) -> None:
    """Do a run. Raises Away while too much is being sent and NotNow; the same run goes on later then."""
    actor = Actor.platform(woken.actor.organization_id)
    run, ends = _Run(actor, woken.endpoint, woken.run), time.monotonic() + RUN
    while await run.step():
        if time.monotonic() > ends:
            return await waking.go_on(actor, run.endpoint)
    return None


def message_id(event_id: ObjectId) -> str:
    """The `webhook-id` of an event: the same in every attempt and to every endpoint."""
    return f"msg_{event_id}"


async def payload(
    endpoint: WebhookEndpoint, document: str | None, type: WebhookType, change: Change
) -> Mapping[str, Any]:
    """What an endpoint is sent of a change. Raises DocumentRefused."""
    made = await documents().made(document or DEFAULT, public.acting(endpoint), public.told(change))
    return {"type": type.value, "timestamp": change.at, **made}


@dataclass(slots=True)
class _Result:
    """How an attempt ended."""

    attempt: WebhookAttempt
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return self.attempt.status is not None and 200 <= self.attempt.status < 300


class _Run:
    endpoint: WebhookEndpoint

    def __init__(self, actor: Actor, id: ObjectId, number: int) -> None:
        self._actor = actor
        self._where = {"_id": id, "run": number, "awake": True}
        self._stopped = False
        self._later: Away | NotNow | None = None

    async def step(self) -> bool:
        """Send what is due, or read on; False when the run is over."""
        endpoint = await WebhookEndpoint.lookup(self._actor, self._where)
        if endpoint is None:
            return False
        self.endpoint = endpoint
        if endpoint.state is not WebhookState.ACTIVE:
            return await self._sleep(None)
        if not await self._open():
            return await self._sleep(now() + CLOSED, rests=True)
        if endpoint.rests_until and endpoint.rests_until > now():
            return await self._sleep(endpoint.rests_until, rests=True)
        probing = endpoint.failures >= failures.OPEN
        waiting = await WebhookDelivery.tally(self._actor, self._pending(), cap=WINDOW)
        if waiting < (1 if probing else WINDOW):
            read = await reading.read_on(self._actor, endpoint, 1 if probing else 2 * BATCH)
            if read is None:
                return True
            self.endpoint = read
        chains = await self._probe() if probing else await self._due()
        if chains:
            await self._send_all(chains, probing)
            return True
        if self.endpoint.position > endpoint.position:
            return True
        return await self._rest(full=waiting >= WINDOW)

    async def _open(self) -> bool:
        states = [OrganizationState.ACTIVE.value, OrganizationState.SUSPENDED.value]
        here = {"_id": self._actor.organization_id, "state": {"$in": states}}
        return await Organization.lookup(self._actor, here, fields=frozenset()) is not None

    async def _rest(self, *, full: bool) -> bool:
        """Nothing is due: sleep, and only then look for what has come meanwhile."""
        await self._sleep(await self._next(), rests=full)
        until = await self._next()
        new = not full and await reading.following(self.endpoint, self.endpoint.position, 1)
        if new or (until and until <= now()):
            await waking.wake(self._actor, self.endpoint.id, self.endpoint.run)
        return False

    async def _sleep(self, until: datetime | None, *, rests: bool = False) -> bool:
        await waking.sleep(self._actor, self.endpoint, until, rests=rests)
        return False

    async def _next(self) -> datetime | None:
        """When the next delivery is due that waits for no other."""
        if self.endpoint.ordered:
            return min((rows[0].due for rows in (await self._by_key()).values() if rows[0].due), default=None)
        soonest = Order(("due", "_id"), descending=False)
        rows = await WebhookDelivery.select(
            self._actor, self._pending(), fields=frozenset({"due"}), order=soonest, limit=1
        )
        return rows[0].due if rows else None

    async def _by_key(self) -> dict[ObjectId, list[WebhookDelivery]]:
        """What is pending about each thing, in its order."""
        by_key: dict[ObjectId, list[WebhookDelivery]] = {}
        for row in await WebhookDelivery.select(self._actor, self._pending(), order=_AS_TOLD, limit=WINDOW):
            by_key.setdefault(row.key, []).append(row)
        return by_key

    def _pending(self, **more: Any) -> dict[str, Any]:
        return {"endpoint_id": self._where["_id"], "state": PENDING.value, **more}

    async def _probe(self) -> list[list[WebhookDelivery]]:
        """What to ask an endpoint with that is known to fail, whenever it is due."""
        return [[row] for row in await WebhookDelivery.select(self._actor, self._pending(), order=OLDEST, limit=1)]

    async def _due(self) -> list[list[WebhookDelivery]]:
        """What is to be sent now; each of the lists in its order."""
        if not self.endpoint.ordered:
            due = self._pending(due={"$lte": now()})
            rows = await WebhookDelivery.select(self._actor, due, order=_NEW_FIRST, limit=BATCH)
            return [[row] for row in rows]
        chains = (
            list(takewhile(lambda row: row.due is not None and row.due <= now(), rows))
            for rows in (await self._by_key()).values()
        )
        return [chain for chain in chains if chain]

    async def _send_all(self, chains: Sequence[Sequence[WebhookDelivery]], probing: bool) -> None:
        self._stopped, self._failures = False, self.endpoint.failures
        self._failing_since, self._warned = self.endpoint.failing_since, self.endpoint.warned_at is not None
        positions = [row.position for chain in chains for row in chain]
        found = await log.read({"_id": {"$in": positions}}, len(positions))
        told = {change.id: change for change in found}
        secrets, left = await signing.good(self.endpoint), deque(chains)

        async def work() -> None:
            while left and not self._stopped:
                for row in left.popleft():
                    if self._stopped or not await self._send(row, told.get(row.event_id), secrets, probing):
                        break

        async with asyncio.TaskGroup() as group:
            for _ in range(min(IN_FLIGHT, len(left))):
                group.create_task(work())
        if self._later:
            raise self._later

    async def _send(self, row: WebhookDelivery, change: Change | None, secrets: Sequence[str], probing: bool) -> bool:
        """Make an attempt; answers whether what follows about the same thing may be sent."""
        if change is None or change.event is None:
            return await self._give_up(row, "the change log does not have it any more")
        try:
            body = await self._body(row, change)
        except DocumentRefused:
            await self._disable(WebhookFault.DOCUMENT)
            return False
        except NotNow as error:
            self._stopped, self._later = True, error
            return False
        if len(body) > MAX_BODY:
            return await self._give_up(row, f"what the document makes of it takes {len(body):,} bytes")
        signed = signing.headers(secrets, message_id(row.event_id), int(clock.source()), body)
        result = await self._post(body, {"Content-Type": "application/json", **signed})
        if result is None:
            return False
        if result.ok:
            return await self._delivered(row, result)
        return await self._failed(row, result, probing)

    async def _body(self, row: WebhookDelivery, change: Change) -> bytes:
        """Raises DocumentRefused and NotNow."""
        made = await payload(self.endpoint, self.endpoint.document, row.type, change)
        if any(error["extensions"]["code"] in _OURS for error in made.get("errors", ())):
            raise NotNow
        return orjson.dumps(made, option=orjson.OPT_UTC_Z)

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> _Result | None:
        """How it ended; None when nothing is sent at present."""
        at, started = now(), time.perf_counter()
        answer, error = None, ""
        try:
            answer = await egress().post(self.endpoint.url, body, headers)
        except Away as away:
            self._stopped, self._later = True, away
            return None
        except (Unreached, UrlRefused) as reason:
            error = str(reason)
        return _Result(_attempt(at, time.perf_counter() - started, answer, error), answer.headers if answer else {})

    async def _delivered(self, row: WebhookDelivery, result: _Result) -> bool:
        set = {"state": WebhookDeliveryState.DELIVERED.value, "due": None, "ended_at": now()}
        await self._note(row, result.attempt, set, tries=1)
        WEBHOOK_ATTEMPTS.labels("delivered").inc()
        if not row.tries:
            WEBHOOK_DELAY.observe(max(0.0, (now() - row.at).total_seconds()))
        if self._failures or self._failing_since:
            await self._recovered()
        return True

    async def _recovered(self) -> None:
        """It answers again: nothing is held against it, and what waits is due at once."""
        was_open = self._failures >= failures.OPEN
        self._failures, self._failing_since, self._warned = 0, None, False
        well = {"failures": 0, "failing_since": None, "warned_at": None, "rests_until": None}
        await changes.change(WebhookEndpoint, waking.at_work(self._actor, self.endpoint), {"$set": well})
        if was_open:
            waiting = WebhookDelivery.within(self._actor, self._pending())
            await changes.change_all(WebhookDelivery, waiting, {"$set": {"due": now()}})

    async def _failed(self, row: WebhookDelivery, result: _Result, probing: bool) -> bool:
        gone = result.attempt.status == failures.GONE
        waits = failures.asked_for(result.attempt.status or 0, result.headers)
        counted = not (probing or gone)
        due = failures.next_try(row.tries + 1) if counted else row.due
        if waits and due:
            due = max(due, waits)
        outcome = {"due": due} if due else {"state": WebhookDeliveryState.FAILED.value, "due": None, "ended_at": now()}
        await self._note(row, result.attempt, outcome, tries=int(counted))
        WEBHOOK_ATTEMPTS.labels("failed" if due else "given_up").inc()
        if gone:
            await self._disable(WebhookFault.GONE)
            return False
        await self._hold_against(waits, probing)
        return due is None

    async def _hold_against(self, waits: datetime | None, probing: bool) -> None:
        """Count a failure of the endpoint, and let it rest, be warned of or be disabled when that is due."""
        if probing or self._failures < failures.OPEN:  # others were on their way when it was enough
            self._failures += 1
        self._failing_since = self._failing_since or now()
        rests = [waits] if waits else []
        if self._failures >= failures.OPEN:
            rests.append(failures.rest(self._failures))
        held: dict[str, Any] = {"failures": self._failures, "failing_since": self._failing_since}
        if rests:
            held["rests_until"], self._stopped = max(rests), True
        if self._failing_since <= now() - failures.DISABLED_AFTER:
            return await self._disable(WebhookFault.FAILING)
        told = []
        if not self._warned and self._failing_since <= now() - failures.WARNED_AFTER:
            self._warned, held["warned_at"] = True, now()
            told.append(WebhookTroubled(self._actor, endpoint=self.endpoint.id))
        await changes.change(WebhookEndpoint, waking.at_work(self._actor, self.endpoint), {"$set": held}, *told)
        return None

    async def _disable(self, fault: WebhookFault) -> None:
        self._stopped = True
        told = (
            WebhookEndpointChanged(self._actor, endpoint=self.endpoint.id, state=WebhookState.DISABLED.value),
            WebhookTroubled(self._actor, endpoint=self.endpoint.id, fault=fault.value),
        )
        mine = waking.at_work(self._actor, self.endpoint)
        with suppress(Conflict):  # a person has paused it, or another request of this run was faster
            await ENDPOINT.move(
                self._actor, self.endpoint, "disable", *told, where=mine, fault=fault.value, awake=False
            )

    async def _give_up(self, row: WebhookDelivery, error: str) -> bool:
        set = {"state": WebhookDeliveryState.FAILED.value, "due": None, "ended_at": now()}
        await self._note(row, WebhookAttempt(now(), 0, error=error), set, tries=0)
        WEBHOOK_ATTEMPTS.labels("given_up").inc()
        return True

    async def _note(self, row: WebhookDelivery, attempt: WebhookAttempt, set: Mapping[str, Any], *, tries: int) -> None:
        """Write an attempt down, unless somebody has dealt with the delivery meanwhile."""
        same = WebhookDelivery.within(self._actor, _id=row.id, state=PENDING.value, tries=row.tries)
        kept = {"attempts": {"$each": [asdict(attempt)], "$slice": -ATTEMPTS_KEPT}}
        await changes.change(WebhookDelivery, same, {"$set": set, "$inc": {"tries": tries}, "$push": kept})


def _attempt(at: datetime, seconds: float, answer: Answer | None, error: str) -> WebhookAttempt:
    milliseconds = round(seconds * 1000)
    if answer is None:
        return WebhookAttempt(at, milliseconds, error=error)
    return WebhookAttempt(at, milliseconds, answer.status, answer.body[:ANSWER_KEPT].decode("utf-8", "replace"))
