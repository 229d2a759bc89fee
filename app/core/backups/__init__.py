"""Backups: full ones of a moment, the oplog after them in segments, sealed, in a folder or a bucket; and the way back.

<url>/<database>/full/<moment>/0001 ...     the collections, one object each
<url>/<database>/full/<moment>/manifest     what they are; written last
<url>/<database>/segments/<run>/...         what happened since
<url>/<database>/head                       the newest segment's name
"""

from app.core.backups.archive import Archive
from app.core.backups.drilling import Drilled, drill
from app.core.backups.dumping import dump
from app.core.backups.errors import BackupError
from app.core.backups.invariants import Check
from app.core.backups.manifest import Manifest, finished
from app.core.backups.progress import Announce
from app.core.backups.restoring import Restored, restore
from app.core.backups.retention import Retention, forget
from app.core.backups.tailing import Tail
from app.core.backups.verification import Verified, verify

__all__ = [
    "Announce",
    "Archive",
    "BackupError",
    "Check",
    "Drilled",
    "Manifest",
    "Restored",
    "Retention",
    "Tail",
    "Verified",
    "drill",
    "dump",
    "finished",
    "forget",
    "restore",
    "verify",
]
