"""What a request over HTTP asks for, read from its body or its address and checked before anything is run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from app.api.negotiation import JSON
from app.api.rejections import Rejected

_MEMBERS = ("query", "operationName", "variables", "extensions")


@dataclass(frozen=True, slots=True)
class Asked:
    """The members of a GraphQL request."""

    query: str
    operation_name: str | None
    variables: Mapping[str, Any] | None


async def from_body(request: Request, max_bytes: int) -> Asked:
    """What a POST asks for. Raises Rejected, without reading more than `max_bytes` in any case."""
    _check_headers(request, max_bytes)
    return _asked(_parsed(await _read(request, max_bytes), "body"))


def from_address(request: Request) -> Asked:
    """What a GET asks for in its query string. Raises Rejected."""
    members: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in members:
            raise Rejected(400, f"The address has `{name}` twice.")
        members[name] = value
    for name in ("variables", "extensions"):
        if name in members:
            members[name] = _parsed(members[name].encode(), f"`{name}`")
    return _asked(members)


def _check_headers(request: Request, max_bytes: int) -> None:
    media, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if media.strip() != JSON:
        raise Rejected(415, f"Send the request as {JSON}.", {"Accept-Post": JSON})
    charset = parameters.partition("charset=")[2].strip(" \"'")
    if charset not in ("", "utf-8", "utf8"):
        raise Rejected(415, "Send the request in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Rejected(415, "Send the body without compression.", {"Accept-Encoding": "identity"})
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Rejected:
    # The rest of the body is on its way: only the end of the connection stops it, after the answer was read.
    return Rejected(413, f"The body may have {max_bytes} bytes at most.", {"Connection": "close"})


def _parsed(text: bytes, what: str) -> Any:
    try:
        value = orjson.loads(text)
        # The same member twice means one thing to us and may mean another to whatever checked the request before us.
        if any(text.count(b'"%s"' % member.encode()) > 1 for member in _MEMBERS):
            json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Rejected(400, f"The {what} is not JSON, or it is nested too deeply.") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Rejected(400, "The body has the same member twice.")
    return members


def _asked(members: Any) -> Asked:
    if isinstance(members, list):
        raise Rejected(400, "Batches are not accepted: send one operation per request.")
    if not isinstance(members, dict):
        raise Rejected(400, "The body must be a JSON object with a `query`.")
    query, name = members.get("query"), members.get("operationName")
    variables, extensions = members.get("variables"), members.get("extensions")
    if not isinstance(query, str):
        raise Rejected(400, "`query` must be a string: the text of the operation.")
    if not isinstance(name, str | None):
        raise Rejected(400, "`operationName` must be a string.")
    if not isinstance(variables, dict | None):
        raise Rejected(400, "`variables` must be an object.")
    if not isinstance(extensions, dict | None):
        raise Rejected(400, "`extensions` must be an object.")
    return Asked(query, name, variables)
