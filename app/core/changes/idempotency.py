"""Idempotency keys: a request that is sent twice happens once and is answered twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from pymongo.errors import DuplicateKeyError

from app.core import database, queries
from app.core.changes import telling
from app.core.changes.scope import atomic, current, scoped, session
from app.core.clock import now
from app.core.errors import Conflict

T = TypeVar("T")

REQUESTS = "requests"
KEPT = timedelta(days=7)


class IdempotencyKeyReused(Conflict):
    """The key was sent before with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


async def once(
    key: str,
    fingerprint: str,
    call: Callable[[], Awaitable[T]],
    *,
    seal: Callable[[T], bytes],
    open: Callable[[bytes], T],
) -> T:
    """Run `call` in one transaction the first time that `key` is seen; later, answer what it answered then.

    `key` names tenant, actor and the client's key; `fingerprint` is a digest of the request's content. `seal` and
    `open` turn an answer into bytes and back; they should encrypt what must not lie in a database. A refusal or
    failure of `call` is not kept, so the client may send the request again. Raises IdempotencyKeyReused for another
    fingerprint.
    """
    if scoped():
        raise RuntimeError("once() opens its own scope; inside another, a repeated key would end that transaction")

    @atomic
    async def first() -> T:
        requests = database.collection(REQUESTS)
        await requests.insert_one({"_id": key, "fingerprint": fingerprint, "at": now()}, session=session())
        answer = await call()
        scope = current()
        kept = {"answer": seal(answer), "events": [event.id for event in scope.events] if scope else []}
        await requests.update_one({"_id": key}, {"$set": kept}, session=session())
        return answer

    try:
        return await first()
    except DuplicateKeyError:
        stored = await queries.find_one(database.collection(REQUESTS), {"_id": key})
        if stored is None:  # a document of `call` was the duplicate
            raise
    if stored["fingerprint"] != fingerprint:
        raise IdempotencyKeyReused("This idempotency key was used for another request.")
    telling.note_ids(stored.get("events", ()))
    return open(stored["answer"])
