"""Answers that may be kept, over HTTP: whose they are, and what caches on the way are told.

Sources: RFC 9110, 8.8.3 and 13.1.2 (ETag, If-None-Match); RFC 9111, 5.1 and 5.2 (Age, Cache-Control).
"""

from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Scope

from app.api.body import Asked
from app.api.compression import CODINGS
from app.api.connections import while_connected
from app.api.credentials import Credentials
from app.api.results import codes, encode, payload
from app.api.runs import run
from app.core import changes, clock
from app.core.answers import Answer, Answers, Compute, Policy, Question
from app.core.errors import Unauthenticated
from app.core.words import language
from app.execution.engine import Engine
from app.execution.operations import Operation
from app.schema.kit.context import Context

VARIES = "Accept, Accept-Encoding, Accept-Language, Authorization, Atrium-After"
"""By what of a request the answer to a query is another one."""


def computing(
    engine: Engine, operation: Operation, asked: Asked, credentials: Credentials, request: Context, seconds: float
) -> Compute:
    """How a query is answered: for the one who asks now, and again later while they may ask.

    Who was let in is answered, though what they may do has changed since; that answer is not kept. It holds the text of
    the operation, not what became of it, which weighs fifty times that.
    """
    text, later = operation.text, False
    id, address, agent = request.request_id, request.address, request.agent
    spoken = language.get()

    async def compute() -> Answer:
        nonlocal later
        if later and credentials.ended.is_set():
            raise Unauthenticated("The sign-in has ended.")
        later = True
        language.set(spoken)
        operation = engine.prepare(text, asked.operation_name)
        context = Context(credentials.actor, request_id=id, address=address, agent=agent, heard=changes.position())
        shown = payload(await run(engine, operation, asked.variables, context, seconds), context)
        fleeting = context.extensions or context.discloses or credentials.ended.is_set()
        return Answer(encode(shown), codes(shown), keep=not fleeting)

    return compute


async def answered(
    answers: Answers | None, policy: Policy, credentials: Credentials, variables: Mapping[str, Any] | None,
    compute: Compute, scope: Scope, receive: Receive,
) -> Answer:  # fmt: skip
    """The answer to a query of somebody who has been authenticated: a kept one if they may have it, else a new one.

    Raises ClientGone, and what `compute` raises.
    """
    actor = credentials.actor
    key = answers.key(policy, actor, variables) if answers else None
    if answers is None or key is None:
        with while_connected(scope, receive):
            return await compute()
    found = answers.find(key)
    if found is not None:
        return found
    with while_connected(scope, receive):
        return await answers.obtain(Question(key, policy, policy.names(actor), compute))


def content(answer: Answer, coding: str | None) -> bytes:
    """The body of an answer in a coding, compressed once for as long as it is kept."""
    if coding is None:
        return answer.body
    coded = answer.coded.get(coding)
    if coded is None:
        coded = answer.coded[coding] = CODINGS[coding](answer.body)
    return coded


def lasting(policy: Policy, answer: Answer) -> dict[str, str]:
    """What caches on the way are told of an answer without errors."""
    told = {"Cache-Control": f"{'public' if policy.public else 'private'}, max-age={policy.ttl}", "Vary": VARIES}
    if answer.made:
        told["Age"] = str(max(0, int(clock.source() - answer.made)))
    return told


def etag(answer: Answer, coding: str | None) -> str:
    """A strong ETag: another one for each coding, since their bytes differ."""
    return f'"{answer.tag}-{coding}"' if coding else f'"{answer.tag}"'


def matches(etag: str, if_none_match: str) -> bool:
    """Whether the client has this very answer, by its `If-None-Match` ("" if it sent none)."""
    return if_none_match.strip() == "*" or any(
        one.strip().removeprefix("W/") == etag for one in if_none_match.split(",")
    )
