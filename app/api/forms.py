"""GraphQL requests that bring files along (https://github.com/jaydenseric/graphql-multipart-request-spec).

Each file is announced and taken in before anything runs, and its id stands in the variables where it was to be.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from app.api.body import Asked, asked
from app.api.files import SECONDS, turn
from app.api.rejections import Rejected
from app.core.actor import Actor
from app.core.settings import Settings
from app.models import Permission
from app.schema.kit.audiences import needs
from app.schema.kit.inputs import checked
from app.services.media import files
from app.services.media.files import NewFile

FORM = "multipart/form-data"
PREFLIGHT = "apollo-require-preflight"
"""A header that no page of another origin can send without being asked first."""
MAX_FILES = 10
POINTS = 10
"""What bringing files costs besides what the operation does."""
_HEADINGS = 16_384
"""Bytes of everything in a form that is neither a file nor the request."""


def is_form(request: Request) -> bool:
    """Whether a request brings files along, and says what pages of other origins cannot say."""
    media = request.headers.get("content-type", "").lower().partition(";")[0].strip()
    return media == FORM and bool(request.headers.get(PREFLIGHT))


async def asked_with_files(request: Request, settings: Settings, actor: Actor) -> Asked:
    """What a form asks for, with the ids of its files. Raises Rejected, and what files and their audience refuse."""
    needs(Permission.MESSAGES_SEND).check_writer(actor)
    limit = settings.media_max_bytes + settings.graphql_max_body_bytes + _HEADINGS
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    async with turn():
        parser = MultiPartParser(
            request.headers,
            _bounded(request, limit),
            max_files=MAX_FILES,
            max_fields=2,
            max_part_size=settings.graphql_max_body_bytes,
        )
        try:
            async with asyncio.timeout(SECONDS):
                parts = (await parser.parse()).multi_items()
        except MultiPartException as error:
            raise Rejected(400, f"The form cannot be read. {error.message}", {"Connection": "close"}) from None
        brought = {name: part for name, part in parts if isinstance(part, UploadFile)}
        told = {name: part for name, part in parts if isinstance(part, str)}
        try:
            if len(brought) + len(told) < len(parts) or told.keys() != {"operations", "map"}:
                raise _malformed()
            return await _filled(actor, _read(told["operations"]), _read(told["map"]), brought)
        finally:
            for file in brought.values():
                file.file.close()


async def _filled(actor: Actor, members: Any, places: Any, brought: Mapping[str, UploadFile]) -> Asked:
    """The request with the ids of its files. What can be refused is, before any of them is kept."""
    if not isinstance(members, dict) or not isinstance(places, dict) or places.keys() != brought.keys():
        raise _malformed()
    announced = {name: _announcement(file) for name, file in brought.items()}
    spots = {name: [_spot(members, place) for place in _listed(places[name])] for name in brought}
    request = asked(members)
    for name, file in brought.items():
        id = await _taken(actor, announced[name], file)
        for here, last in spots[name]:
            here[last] = id
    return request


def _announcement(brought: UploadFile) -> NewFile:
    """What a file is announced as. Raises what is refused at first sight."""
    files.must_be_taken(brought.file, brought.size or 0)
    return checked(NewFile, {"name": brought.filename or "", "size": brought.size})


async def _taken(actor: Actor, new: NewFile, brought: UploadFile) -> str:
    announced = await files.announce(actor, new)
    return f"File_{(await files.receive(announced, brought.file, new.size)).id}"


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk


def _listed(places: object) -> list[Any]:
    if not isinstance(places, list):
        raise _malformed()
    return places


def _spot(members: Mapping[str, Any], place: object) -> tuple[Any, Any]:
    """The object or list, and the name or number in it, of a place such as `variables.input.fileId`, which is null."""
    root, *steps = place.split(".") if isinstance(place, str) else [""]
    if root != "variables" or not steps or len(steps) > 8:
        raise _malformed()
    here: Any = members.get("variables")
    try:
        for step in steps[:-1]:
            here = here[int(step)] if isinstance(here, list) else here[step]
        last: Any = int(steps[-1]) if isinstance(here, list) else steps[-1]
        if here[last] is not None:
            raise _malformed()
    except (KeyError, IndexError, TypeError, ValueError):
        raise _malformed() from None
    return here, last


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise _malformed() from None


def _malformed() -> Rejected:
    return Rejected(400, "A form has `operations`, `map`, and a file for each place that the map names.")


def _too_large(limit: int) -> Rejected:
    return Rejected(413, f"The form may have {limit} bytes at most.", {"Connection": "close"})
