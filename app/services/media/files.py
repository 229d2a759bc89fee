"""Files: announced, taken in, looked at, and carried by messages.

A file is announced first. Its content comes to us (`receive`), or goes to the storage itself, by a signed address
(`complete` says that it is there). Then a job looks at it: nothing is served before ClamAV has found nothing in it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, BinaryIO

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Invalid, LimitReached, NotFound, Unauthenticated, Unavailable
from app.core.machines import Machine, Transition, only_platform
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.core.settings import settings
from app.core.words import words
from app.integrations import clamav, storage
from app.models import File, FileDocument, FileState, Purpose, User
from app.models.media.events import FileJudged, FileStored
from app.services.identity import tickets, tokens
from app.services.media import sniffing

EXPECTED, STORED, SCANNING = FileState.EXPECTED, FileState.STORED, FileState.SCANNING
PLATFORM = Actor.platform()
LIFETIME = timedelta(minutes=15)
"""For which content can be sent."""
UNUSED = timedelta(days=1)
"""After which a file that no message carries goes."""


class NoFiles(Unavailable):
    """This Atrium takes no files: it has no place for them, or nobody who looks at them."""

    code = "NO_FILES"


class FileTooLarge(LimitReached):
    code = "FILE_TOO_LARGE"


class FileRefused(Invalid):
    """It is of a kind that is not taken: what a browser might run, or nothing that we know."""

    code = "FILE_TYPE_REFUSED"


class FileEmpty(Invalid):
    code = "FILE_EMPTY"


class FileNotThere(Conflict):
    """Its content has not come."""

    code = "FILE_NOT_UPLOADED"


class FileNotClean(Conflict):
    """It cannot be sent: it was not looked at yet, or something was found in it, or a message carries it already."""

    code = "FILE_NOT_CLEAN"


def _plain(name: str) -> str:
    """The last part of a path, without what no name should have."""
    plain = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip(" .")
    if not plain:
        raise ValueError(words("That is no name of a file."))
    return plain


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]


class NewFile(Command):
    """A file to upload: what it is called, and how many bytes it has."""

    name: Name
    size: Annotated[int, Field(ge=1, le=2_147_483_647)]


class FileAction(Command):
    """One of one's own files."""

    file_id: Annotated[ObjectId, Ref("File")]


@dataclass(slots=True)
class UploadBegun(Value):
    """Where the content is to be PUT, until then."""

    file: File
    url: str
    expires_at: datetime


FILE = Machine(
    Transition("store", frozenset({EXPECTED}), STORED, only_platform),
    Transition("scan", frozenset({STORED, SCANNING}), SCANNING, only_platform),
    Transition("clear", frozenset({SCANNING}), FileState.CLEAN, only_platform),
    Transition("condemn", frozenset({SCANNING}), FileState.INFECTED, only_platform),
    Transition("refuse", frozenset({EXPECTED, STORED, SCANNING}), FileState.REFUSED, only_platform),
    Transition("remove", frozenset({FileState.CLEAN}), FileState.REMOVED, only_platform),
)


async def begin(actor: Actor, new: NewFile) -> UploadBegun:
    """Announce a file. Raises NoFiles and FileTooLarge."""
    must_fit(new.size)
    file = await announce(actor, new)
    expires_at = now() + LIFETIME
    url = await storage.upload_url(file.landing, LIFETIME)
    if url is None:
        token = await tickets.issue(Purpose.UPLOAD, actor.user_id, {"file": file.id}, LIFETIME)
        url = settings().address(f"uploads/{token}")
    return UploadBegun(file, url, expires_at)


async def announce(actor: Actor, new: NewFile) -> File:
    """A file whose content is to come. Raises NoFiles."""
    assert actor.organization_id
    assert actor.user_id
    if not (storage.configured() and clamav.configured()):
        raise NoFiles("Files cannot be taken here.")
    moment = now()
    file = FileDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        owner_id=actor.user_id,
        name=new.name,
        size=new.size,
        created_at=moment,
        changed_at=moment,
    )
    return await changes.insert(file)


def must_fit(size: int) -> None:
    """Refuse more bytes than a file may have. Raises FileTooLarge."""
    if size > (most := settings().media_max_bytes):
        raise FileTooLarge("A file may have {limit} bytes at most.", path=["input", "size"], limit=most)


async def announced(token: str) -> File:
    """The file that a link to send content is for, which uses the link up. Raises TicketOver."""
    ticket = await tickets.redeem(Purpose.UPLOAD, token)
    file = await File.lookup(PLATFORM, _id=ticket.data["file"], state=EXPECTED.value)
    if file is None:
        raise tickets.TicketOver
    return file


async def receive(file: File, content: BinaryIO, size: int) -> File:
    """Take in the content of an announced file. Raises FileEmpty, FileRefused and Unavailable."""
    must_be_taken(content, size)
    await storage.put(file.place, content)
    return await _stored(file, size)


def must_be_taken(content: BinaryIO, size: int) -> None:
    """Refuse what can be refused at first sight. Raises FileEmpty and FileRefused."""
    if not size:
        raise FileEmpty("The file is empty.")
    content.seek(0)
    _kind(content.read(sniffing.HEAD))


async def complete(actor: Actor, given: FileAction) -> File:
    """Say that the content of a file is there; nothing happens where that is known. Raises NotFound, FileNotThere."""
    file = await _mine(actor, given.file_id)
    if file.state is not EXPECTED:
        return file
    size = await storage.size(file.landing)
    if size is None:
        raise FileNotThere("The content of this file has not come yet.", path=["input", "fileId"])
    return await _stored(file, size)


async def _stored(file: File, size: int) -> File:
    inside = Actor.platform(file.organization_id)
    told = FileStored(inside, user=file.owner_id, file=file.id)
    return await FILE.move(inside, file, "store", told, where={"organization_id": file.organization_id}, size=size)


async def look_at(event: FileStored) -> None:
    """Let a file be clean, infected or refused; again from the beginning when that was interrupted."""
    inside = Actor.platform(event.actor.organization_id)
    file = await File.lookup(inside, {"state": {"$in": [STORED.value, SCANNING.value]}}, _id=event.file)
    if file is None:
        return
    here = {"organization_id": file.organization_id}
    file = await FILE.move(inside, file, "scan", where=here)
    size = await _settle(file)
    if not 0 < size <= settings().media_max_bytes:
        await _judge(file, "refuse", "FILE_TOO_LARGE" if size else "FILE_EMPTY")
        return
    try:
        head = b"".join([piece async for piece in storage.read(file.place, min(size, sniffing.HEAD))])
        kind = _kind(head)
    except FileRefused as error:
        await _judge(file, "refuse", error.code)
        return
    found = await clamav.scan(storage.read(file.place, size))
    await _judge(file, "condemn" if found else "clear", found, media_type=kind, size=size)


async def _settle(file: File) -> int:
    """Take what a client has put itself to where it can change it no more; answers how many bytes there are."""
    landed = await storage.size(file.landing)
    if landed is not None and landed <= settings().media_max_bytes:
        await storage.move(file.landing, file.place)
    return landed if landed is not None else await storage.size(file.place) or 0


async def _judge(file: File, transition: str, finding: str | None, **set: object) -> None:
    inside, target = Actor.platform(file.organization_id), FILE.transitions[transition].target
    if target is not FileState.CLEAN:
        await storage.delete([file.landing, file.place])
    told = FileJudged(inside, user=file.owner_id, file=file.id, state=target.value)
    here = {"organization_id": file.organization_id}
    await FILE.move(inside, file, transition, told, where=here, finding=finding, **set)


def _kind(head: bytes) -> str:
    kind = sniffing.media_type(head)
    if kind is None:
        raise FileRefused("Files of this kind are not taken.")
    return kind


async def find(actor: Actor, id: ObjectId) -> File | None:
    """One of the actor's own."""
    return await File.lookup(actor, _id=id)


async def stored(actor: Actor) -> int:
    """How many bytes the files of the actor's organization have, whoever they are of."""
    return await File.bytes_of(Actor.platform(actor.organization_id), [FileState.STORED, SCANNING, FileState.CLEAN])


async def newest(actor: Actor, page: PageArgs) -> Page[File]:
    """The actor's own, in their organization."""
    return await File.page(actor, page)


async def attach(actor: Actor, ids: Sequence[ObjectId], message_id: ObjectId) -> list[File]:
    """Let a message carry the actor's clean files, in this order; in the scope that stores it.

    Raises NotFound and FileNotClean. Of two messages at once one gets them.
    """
    assert changes.scoped()
    attached = []
    for id in dict.fromkeys(ids):
        clean = File.within(actor, _id=id, state=FileState.CLEAN.value, message_id=None)
        file = await changes.change(File, clean, {"$set": {"message_id": message_id, "changed_at": now()}})
        if file is None:
            await _mine(actor, id, ["input", "fileIds"])
            raise FileNotClean("This file cannot be sent, or was sent already.", path=["input", "fileIds"])
        attached.append(file)
    return attached


async def detach(actor: Actor, message_id: ObjectId) -> None:
    """Let no message carry these files any more, whoever sent them: they go."""
    gone = {"$set": {"message_id": None, "changed_at": now(), "state": FileState.REMOVED.value}}
    carried = File.within(Actor.platform(actor.organization_id), message_id=message_id)
    await changes.change_all(File, carried, gone)


async def fetch(token: str) -> tuple[File, AsyncIterator[bytes]]:
    """The clean file that a link is for. Raises NotFound."""
    try:
        file = await File.lookup(PLATFORM, _id=tokens.filed(token), state=FileState.CLEAN.value)
    except Unauthenticated:
        file = None
    if file is None:
        raise NotFound("There is no such {kind}.", kind="File")
    return file, storage.read(file.place, file.size)


async def remove_unused(limit: int) -> int:
    """Remove files that no message carries and that are old enough, and answer how many there were."""
    old = {"message_id": None, "changed_at": {"$lt": now() - UNUSED}}
    unused = await File.select(PLATFORM, old, limit=limit)
    for file in unused:
        await storage.delete([file.landing, file.place])
        inside = Actor.platform(file.organization_id)
        await changes.erase(File, File.within(inside, _id=file.id, message_id=None), limit=1)
    return len(unused)


async def remove_of(organization_id: ObjectId, owner_id: ObjectId | None = None) -> None:
    """Remove the content of an organization's files, or of those of one person in it; their rows go by themselves."""
    whose = f"{organization_id}/{owner_id}" if owner_id else f"{organization_id}"
    if storage.configured():
        for folder in ("landing", "kept"):
            await storage.empty(f"{folder}/{whose}")


async def remove_of_person(user_id: ObjectId) -> None:
    """Remove the content of everything that a person has uploaded, wherever they were."""
    user = await User.lookup(PLATFORM, _id=user_id)
    for organization_id in user.organization_ids if user else ():
        await remove_of(organization_id, user_id)


async def _mine(actor: Actor, id: ObjectId, path: Sequence[str] = ("input", "fileId")) -> File:
    file = await find(actor, id)
    if file is None:
        raise NotFound("There is no such {kind}.", kind="File", path=path)
    return file
