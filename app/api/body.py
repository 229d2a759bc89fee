"""What a request over HTTP asks for, read from its body or its address and checked before anything is run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from app.api.negotiation import JSON
from app.api.rejections import Rejected

MAX_NAME = 128
"""Characters of a document's name."""
_MEMBERS = [
    f'"{name}"'.encode() for name in ("query", "operationName", "variables", "extensions", "documentId", "doc_id")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """The members of a GraphQL request: the text of a document, or its name, or both to have the name known."""

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any] | None
    document: str | None = None
    """The name: a SHA-256 in hexadecimal digits, or the id of a trusted operation."""


async def content(request: Request, max_bytes: int) -> bytes:
    """The body of a POST. Raises Rejected, without reading more than `max_bytes` in any case."""
    _check_headers(request, max_bytes)
    return await read(request, max_bytes)


def asked_in(body: bytes) -> Asked:
    """What the body of a POST asks for. Raises Rejected."""
    return asked(_parsed(body, "body"))


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
    return asked(members)


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


async def read(request: Request, max_bytes: int) -> bytes:
    """The body. Raises Rejected as soon as it is longer than `max_bytes`."""
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
        if max(map(text.count, _MEMBERS)) > 1:
            json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Rejected(400, f"The {what} is not JSON, or it is nested too deeply.") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Rejected(400, "The body has the same member twice.")
    return members


def asked(members: Any) -> Asked:
    """What the members of a request, as JSON has them, ask for. Raises Rejected."""
    if isinstance(members, list):
        raise Rejected(400, "Batches are not accepted: send one operation per request.")
    if not isinstance(members, dict):
        raise Rejected(400, "The body must be a JSON object with a `query`.")
    query, name = members.get("query"), members.get("operationName")
    variables, extensions = members.get("variables"), members.get("extensions")
    if not isinstance(extensions, dict | None):
        raise Rejected(400, "`extensions` must be an object.")
    document, may_have_text = _named(members, extensions or {})
    if document is not None:
        query = query or None  # some clients cannot leave the text out, and send an empty one
    if not isinstance(query, str if document is None else str | None):
        raise Rejected(400, "`query` must be a string: the text of the operation.")
    if query is not None and not may_have_text:
        raise Rejected(400, "Send either `query` or the id of a document, not both.")
    if not isinstance(name, str | None):
        raise Rejected(400, "`operationName` must be a string.")
    if not isinstance(variables, dict | None):
        raise Rejected(400, "`variables` must be an object.")
    return Asked(query, name, variables, document)


def _named(members: dict[str, Any], extensions: dict[str, Any]) -> tuple[str | None, bool]:
    """The name of the document, if the request has one, and whether its text may come with it.

    There are three ways: `documentId` (GraphQL over HTTP, appendix A), `doc_id` (Relay), and Apollo's extension
    `persistedQuery`, with which a client has a text known by its hash.
    """
    names = {member: members[member] for member in ("documentId", "doc_id") if members.get(member) is not None}
    persisted = extensions.get("persistedQuery")
    if persisted is not None:
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise Rejected(400, "`persistedQuery` must be an object with `version` 1 and a `sha256Hash`.")
        names["sha256Hash"] = persisted.get("sha256Hash")
    if not names:
        return None, True
    if len(names) > 1:
        raise Rejected(400, f"Name the document once, not by {' and '.join(names)}.")
    [(member, name)] = names.items()
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise Rejected(400, f"`{member}` must be a string of 1 to {MAX_NAME} characters.")
    return name.removeprefix("sha256:"), member == "sha256Hash"
