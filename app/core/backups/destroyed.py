"""Whose data keys are destroyed, as far as the backups tell: a restore to a moment before must not bring them back."""

from collections.abc import Iterator
from typing import Any

import structlog

from app.core.backups.archive import Archive
from app.core.backups.documents import documents
from app.core.backups.errors import BackupError
from app.core.backups.manifest import Manifest, finished, snapshot_of
from app.core.backups.oplog import Operation, Transactions
from app.core.backups.progress import Announce
from app.core.backups.segments import listed
from app.core.keyring import DATA_KEYS

_MARK = "destroyed_at"
_log = structlog.stdlib.get_logger(__name__)


async def destroyed(archive: Archive, announce: Announce) -> set[str]:
    """Every owner whose key is destroyed in the newest full backup, or was since.

    What is damaged there is logged, and keeps nobody from restoring an earlier moment.
    """
    newest = max(await finished(archive), key=snapshot_of)
    owners: set[str] = set()
    try:
        manifest = await Manifest.load(archive, newest)
        for part in (part for part in manifest.parts if part.collection == DATA_KEYS):
            async for batch in documents(archive.read(part.object, part.stored), part.object):
                owners |= {row["_id"] for row in batch if _MARK in row}
    except BackupError as error:
        _log.error("backup.destroyed_keys_unread", name=newest, error=str(error))
    segments = [one for one in await listed(archive) if one.until > snapshot_of(newest)]
    for number, segment in enumerate(segments):
        await announce("who was erased since", number, len(segments))
        transactions = Transactions(archive.database)
        try:
            async for entry in segment.entries(archive):
                for operation in transactions.operations(entry):
                    owners.update(_destroyed_by(operation, f"{archive.database}.{DATA_KEYS}"))
        except BackupError as error:
            _log.error("backup.destroyed_keys_unread", name=segment.name, error=str(error))
    return owners


def _destroyed_by(operation: Operation, collection: str) -> Iterator[str]:
    if operation["ns"] != collection or operation["op"] not in ("i", "u"):
        return
    change: Any = operation["o"]
    parts = [change.get("diff", {}).get(part, {}) for part in ("i", "u")] if "$v" in change else [change]
    if any(_MARK in part for part in parts):
        yield operation["o2"]["_id"] if operation["op"] == "u" else change["_id"]
