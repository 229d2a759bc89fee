"""Whose backups an archive holds: those of one replica set, since histories of two never join."""

from app.core import database
from app.core.backups.archive import Archive
from app.core.backups.errors import BackupError
from app.core.backups.manifest import Manifest, finished
from app.core.backups.segments import listed


class OtherOrigin(BackupError):
    """The archive's newest backups are of another replica set."""


async def replica_set() -> str:
    """The id that the process's replica set was given when it was made. Needs the role clusterMonitor."""
    answer = await database.client().admin.command("replSetGetConfig")
    return str(answer["config"]["settings"]["replicaSetId"])


async def check_origin(archive: Archive) -> str:
    """The process's replica set, if its backups may be added. Raises OtherOrigin."""
    own = await replica_set()
    segments = await listed(archive)
    found = {max(segments).run.replica_set} if segments else set()
    for name in reversed(await finished(archive)):
        try:
            found.add((await Manifest.load(archive, name)).replica_set)
            break
        except BackupError:  # damaged: an older one tells as well
            continue
    for other in found - {own}:
        raise OtherOrigin(
            f"BACKUP_URL {archive.url} holds backups of {archive.database} from another MongoDB (replica set {other}, "
            f"this is {own}): give this one a place of its own, such as {archive.url}/{own}; restoring from the old "
            "place stays possible."
        )
    return own
