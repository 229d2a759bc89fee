"""What is written to a client over HTTP: a result, an answer that was kept, or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from app.api.answers import content, etag, lasting, matches
from app.api.compression import coding, compressed
from app.api.errors import answer_errors
from app.api.headers import Headers
from app.api.negotiation import JSON
from app.api.rates import limits
from app.api.rejections import Rejected
from app.api.results import codes, encode
from app.core.answers import Answer, Policy
from app.core.rates import RateLimited
from app.execution.operations import Refused

_STATUS = {"UNAUTHENTICATED": 401, "INTERNAL": 500, "UNAVAILABLE": 503, "RATE_LIMITED": 429}
_STATUS |= {"FILE_TOO_LARGE": 413, "FILE_TYPE_REFUSED": 415, "NO_FILES": 503, "BUSY": 429}
"""Of refusals that are not of one operation."""
_FLEETING = [(b"cache-control", b"no-store"), (b"vary", b"Accept-Encoding")]


@dataclass(slots=True)
class Reply:
    """An answer but for the headers that every one has: type, length and the request's id."""

    body: bytes
    status: int = 200
    headers: Headers = field(default_factory=lambda: _FLEETING)
    errors: Sequence[str] = ()
    """The codes of its errors, for the log."""
    limits: Headers = field(default_factory=list)
    """What it says of rates."""


def result(shown: dict[str, Any], accept_encoding: str, *, secret: bool = False) -> Reply:
    """The reply with a result. A `secret` one, as of a mutation, is never compressed."""
    body, chosen = (encode(shown), None) if secret else compressed(encode(shown), accept_encoding)
    reply = Reply(body, errors=codes(shown) if "errors" in shown else ())
    if chosen is not None:
        reply.headers = [*_FLEETING, (b"content-encoding", chosen.encode())]
    return reply


def kept(policy: Policy, answer: Answer, accept_encoding: str, if_none_match: str | None = None) -> Reply:
    """The reply with an answer that may be kept, here and by caches on the way, if it has no errors.

    `if_none_match` is that of a request by GET ("" if it has none), whose reply has an ETag.
    """
    chosen = coding(len(answer.body), accept_encoding)
    reply = Reply(content(answer, chosen), errors=answer.errors)
    if not answer.errors:
        reply.headers = [(name.lower().encode(), value.encode()) for name, value in lasting(policy, answer).items()]
        if if_none_match is not None:
            tag = etag(answer, chosen)
            reply.headers.append((b"etag", tag.encode()))
            if matches(tag, if_none_match):
                reply.body, reply.status, chosen = b"", 304, None
    if chosen is not None:
        reply.headers = [*reply.headers, (b"content-encoding", chosen.encode())]
    return reply


def refusal(error: Exception, media: str | None, request_id: str) -> Reply:
    """How a client that wants `media` is told of an exception that ended its request; what is our doing is logged."""
    if isinstance(error, Rejected):
        told = {"message": error.message, "extensions": {"code": "BAD_REQUEST"}}
        return _refused({"errors": [told]}, error.status, error.headers)
    if isinstance(error, Refused):
        status = error.status or (200 if media == JSON else 400)
        return _refused({"errors": answer_errors(error.errors, request_id)}, status)
    errors = answer_errors([GraphQLError(str(error), original_error=error)], request_id)
    if isinstance(error, TimeoutError):
        return _refused({"data": None, "errors": errors}, 200)
    status = _STATUS.get(errors[0]["extensions"]["code"], 400)
    if isinstance(error, RateLimited):
        reply = _refused({"errors": errors}, status, {"Retry-After": str(error.details["retryAfter"])})
        reply.limits = limits((error.meter,))
        return reply
    return _refused({"errors": errors}, status, {"WWW-Authenticate": "Bearer"} if status == 401 else {})


def _refused(shown: dict[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Reply:
    own = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return Reply(encode(shown), status, [*_FLEETING, *own], codes(shown))
