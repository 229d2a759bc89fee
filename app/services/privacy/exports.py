"""Exports: files that people ask for, made by a job, sealed, and fetched by a link that is good once."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import bson
import orjson
from bson import ObjectId

from app.core import changes, keyring, privacy
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.filters import Tree
from app.core.keyring import Sealed
from app.core.paging import OLDEST, Page, PageArgs
from app.core.privacy import SECRET
from app.core.rows import Row, Value
from app.core.settings import settings
from app.models import (
    AuditEntry,
    Export,
    ExportDocument,
    ExportKind,
    ExportPart,
    ExportPartDocument,
    ExportState,
    Purpose,
    User,
)
from app.models.base import StoredRow
from app.models.privacy.events import ExportRequested
from app.services.audit import entries
from app.services.audit.heads import BY_NUMBER
from app.services.identity import tickets
from app.services.privacy import registry
from app.services.privacy.registry import PLATFORM

PART = 4 << 20
"""Bytes of a part."""
ROWS = 500
LINK = timedelta(minutes=10)


class ExportUnderway(Conflict):
    """One is being made already."""

    code = "EXPORT_UNDERWAY"


class ExportNotReady(Conflict):
    """It is not made yet, or could not be."""

    code = "EXPORT_NOT_READY"


class ExportAction(Command):
    """A file that one has asked for."""

    export_id: Annotated[ObjectId, Ref("DataExport")]


@dataclass(slots=True)
class ExportLink(Value):
    """Where the file can be fetched, once, until then."""

    url: str
    expires_at: datetime


async def request(actor: Actor, kind: ExportKind = ExportKind.PERSON, filter: Tree | None = None) -> Export:
    """Let everything that is known of the actor, or their organization's audit trail, be put together.

    Raises ExportUnderway, and Invalid for a filter that is none.
    """
    assert actor.user_id
    if filter:
        entries.FILTERABLE.check(filter)
    export = ExportDocument(
        id=new_id(),
        user_id=actor.user_id,
        kind=kind,
        organization_id=actor.organization_id if kind is ExportKind.AUDIT else None,
        filter=dict(filter or {}),
        created_at=now(),
    )
    pending = {"user_id": export.user_id, "kind": kind.value, "organization_id": export.organization_id}
    told = ExportRequested(actor, user=actor.user_id, export=export.id)
    pending["state"] = ExportState.PENDING.value
    made, new = await changes.insert_once(export, pending, told)
    if not new:
        raise ExportUnderway("Such an export is being made already.")
    return made


async def newest(actor: Actor, page: PageArgs) -> Page[Export]:
    """What the actor has asked for in the last days."""
    return await Export.page(actor, page)


async def find(actor: Actor, id: ObjectId) -> Export | None:
    return await Export.lookup(actor, _id=id)


async def link(actor: Actor, given: ExportAction) -> ExportLink:
    """A link to the file that is good once. Raises NotFound and ExportNotReady."""
    export = await Export.lookup(actor, _id=given.export_id)
    if export is None:
        raise NotFound("There is no such {kind}.", kind="DataExport", path=["input", "exportId"])
    if export.state is not ExportState.READY:
        raise ExportNotReady("The file is not ready.", path=["input", "exportId"])
    token = await tickets.issue(Purpose.EXPORT, actor.user_id, {"export": export.id}, LINK)
    return ExportLink(settings().address(f"exports/{token}"), now() + LINK)


async def fetch(token: str) -> tuple[Export, AsyncIterator[bytes]]:
    """The file that a link is for, which uses the link up. Raises TicketOver."""
    ticket = await tickets.redeem(Purpose.EXPORT, token)
    export = await Export.lookup(PLATFORM, _id=ticket.data["export"], state=ExportState.READY.value)
    if export is None:
        raise tickets.TicketOver
    return export, _content(export)


async def make(id: ObjectId) -> None:
    """Put an export together; again from the beginning when that was interrupted."""
    export = await Export.lookup(PLATFORM, _id=id, state=ExportState.PENDING.value)
    user = await User.lookup(PLATFORM, _id=export.user_id) if export else None
    if export is None or user is None:
        return
    while await changes.erase(ExportPart, {"export_id": id}, limit=ROWS):
        pass
    files = _of_person(user) if export.kind is ExportKind.PERSON else _of_trail(export)
    number = size = 0
    async for piece in _zipped(files):
        content = await keyring.seal(keyring.person(user.id), piece)
        part = ExportPartDocument(export_id=id, user_id=user.id, number=number, content=content, created_at=now())
        await changes.insert(part)
        number, size = number + 1, size + len(piece)
    ready = {"state": ExportState.READY.value, "parts": number, "size": size, "ready_at": now()}
    await changes.change(Export, {"_id": id, "state": ExportState.PENDING.value}, {"$set": ready})


async def give_up(id: ObjectId) -> None:
    """Let an export that cannot be made be seen to have failed."""
    where = {"_id": id, "state": ExportState.PENDING.value}
    await changes.change(Export, where, {"$set": {"state": ExportState.FAILED.value}})


async def _of_person(user: User) -> AsyncIterator[tuple[str, bytes]]:
    """Lines of JSON, by the name of the file that they belong to: a row each, without secrets."""
    async for place in registry.places(user):
        async for row in _rows(place):
            yield f"{place.model.collection}.jsonl", await _line(place.model, row)


async def _of_trail(export: Export) -> AsyncIterator[tuple[str, bytes]]:
    actor = Actor.platform(export.organization_id)
    where = entries.FILTERABLE.mongo(export.filter) if export.filter else {}
    number = 0
    while page := await AuditEntry.select(
        actor, {"$and": [where, {"number": {"$gt": number}}]}, order=BY_NUMBER, limit=ROWS
    ):
        for entry in page:
            yield "audit_entries.jsonl", await _line(AuditEntry, entry)
        number = page[-1].number


async def _rows(place: registry.Place) -> AsyncIterator[StoredRow]:
    actor, model, where = place.actor, place.model, place.where
    page = await model.select(actor, where, order=OLDEST, limit=ROWS)
    while page:
        for row in page:
            yield row
        more = {**where, "_id": {"$gt": page[-1].id}}
        page = await model.select(actor, more, order=OLDEST, limit=ROWS) if len(page) == ROWS else []


async def _line(model: type[Row], row: Row) -> bytes:
    secret = {name for name, policy in privacy.by_column(model.policies).items() if policy is SECRET}
    told = {name: await _opened(value) for name, value in row.encode().items() if name not in secret}
    told["id"] = told.pop("_id")
    return orjson.dumps(told, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS) + b"\n"


async def _opened(value: Any) -> Any:
    """What is sealed, however deep, as text, or as what the log has sealed in BSON."""
    if isinstance(value, Mapping):
        return {name: await _opened(inner) for name, inner in value.items()}
    if not isinstance(value, Sealed):
        return value
    plain = await value.open()
    if plain is None:
        return None
    try:
        return plain.decode() if plain[-1:] != b"\0" else bson.decode(plain)
    except (ValueError, bson.errors.BSONError):
        return plain


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)


async def _zipped(lines: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[bytes]:
    """A zip file in pieces of PART bytes, of lines that come file by file."""
    out = _Pieces()
    archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
    name, file = "", None
    async for next_name, line in lines:
        if next_name != name:
            if file:
                file.close()
            name = next_name
            file = archive.open(name, "w", force_zip64=True)
        assert file
        await asyncio.to_thread(file.write, line)
        if out.waiting >= PART:
            yield out.take()
    if file:
        file.close()
    archive.close()
    yield out.take()


class _Pieces(io.RawIOBase):
    """What a zip file is written to, and taken from piece by piece: it is never whole in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    @property
    def waiting(self) -> int:
        return len(self._buffer)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


async def _content(export: Export) -> AsyncIterator[bytes]:
    for number in range(export.parts):
        part = await ExportPart.lookup(PLATFORM, export_id=export.id, number=number)
        plain = await part.content.open() if part else None
        if plain is None:
            raise RuntimeError(f"part {number} of an export is gone")
        yield plain
