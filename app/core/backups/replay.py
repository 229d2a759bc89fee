"""Replays operations of the oplog on a restored database, in their order.

Writes go through `applyOps`, as they were logged; commands, which it does not take from clients, are given anew.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from app.core.backups.claim import UNFINISHED
from app.core.backups.errors import BackupError
from app.core.backups.expiry import Expiry
from app.core.backups.moments import readable
from app.core.backups.oplog import Operation
from app.core.database import Document

BATCH_OPERATIONS, BATCH_BYTES = 1_000, 4 << 20
LONG = 3600.0
"""Seconds that one command may take on a large collection: building its indexes, counting it, checking it."""

Command = dict[str, Any]


class Replay:
    """`source` is the name that the database had when the operations were logged."""

    def __init__(self, database: AsyncDatabase[Document], source: str, expiry: Expiry) -> None:
        self._database, self._source, self._expiry = database, source, expiry
        self._batch: list[Mapping[str, Any]] = []
        self._size = self.applied = 0
        self._restoring_since: datetime | None = None
        self._commands: Mapping[str, Callable[[Command], Awaitable[object]]] = {
            "create": database.command,
            "drop": self._drop,
            "renameCollection": self._rename,
            "collMod": self._modify,
            "createIndexes": self._create_index,
            "commitIndexBuild": self._create_indexes,
            "dropIndexes": self._drop_index,
            # What these change, other entries tell as well.
            "startIndexBuild": _nothing,
            "abortIndexBuild": _nothing,
            "dropDatabase": _nothing,
        }

    async def apply(self, operation: Operation, at: datetime) -> None:
        """`at`: the server's clock then. Raises OperationFailure when it does not fit the database, which only a wrong
        backup can cause, and BackupError for what backups do not know.
        """
        self.applied += 1
        command, collection = operation["op"] == "c", operation["ns"].removeprefix(f"{self._source}.")
        subject = str(next(iter(operation["o"].values()))) if command else collection
        if subject.startswith("system."):
            raise BackupError(
                f"At {readable(at)} a view or a time series was made or changed, which backups do not know: restore to "
                "before it with --at."
            )
        if subject == UNFINISHED:
            self._follow_restore(operation["o"], at)
            return
        if command:
            await self.flush()
            with pymongo.timeout(LONG):  # longer than the connection's own patience
                await self._command(operation["o"])
            return
        write = {"op": operation["op"], "ns": f"{self._database.name}.{collection}", "o": operation["o"]}
        if operation["op"] == "u":
            write["o2"] = operation["o2"]
        size = sum(len(write[part].raw) for part in ("o", "o2") if part in write)
        if len(self._batch) >= BATCH_OPERATIONS or self._size + size > BATCH_BYTES:
            await self.flush()
        self._batch.append(write)
        self._size += size

    async def flush(self) -> None:
        """Write what was gathered, in one piece."""
        if self._batch:
            batch, self._batch, self._size = self._batch, [], 0
            # An update of what is not there fails; by default it would insert a part of a document.
            with pymongo.timeout(LONG):
                await self._database.client.admin.command("applyOps", batch, alwaysUpsert=False)

    async def end(self) -> None:
        """Raises BackupError when nobody ever saw the database as it is now."""
        await self.flush()
        if self._restoring_since:
            raise BackupError(
                f"The database was being restored itself since {readable(self._restoring_since)}: restore to before "
                "that with --at, or to a time after it."
            )

    def _follow_restore(self, logged: Mapping[str, Any], at: datetime) -> None:
        if "create" in logged:
            self._restoring_since = at
        elif "drop" in logged:
            self._restoring_since = None

    async def _command(self, logged: Mapping[str, Any]) -> None:
        command = {key: value for key, value in logged.items() if key not in ("idIndex", "temp")}
        kind = next(iter(command))
        if kind not in self._commands:
            raise BackupError(
                f"The oplog holds the command {kind}, which this release cannot replay: restore to before it."
            )
        await self._commands[kind](command)

    async def _drop(self, command: Command) -> None:
        await self._database.drop_collection(command["drop"])
        self._expiry.dropped(command["drop"])

    async def _rename(self, command: Command) -> None:
        source, target = (command[key].removeprefix(f"{self._source}.") for key in ("renameCollection", "to"))
        await self._database[source].rename(target, dropTarget=bool(command.get("dropTarget")))
        self._expiry.renamed(source, target)

    async def _modify(self, command: Command) -> None:
        if "index" in command:
            index = self._expiry.hold_back(command["collMod"], command["index"])
            if len(index) == 1:  # nothing but its name is left: it was the limit that changed
                return
            command = {**command, "index": index}
        await self._database.command(command)

    async def _create_index(self, command: Command) -> None:
        collection = command.pop("createIndexes")
        await self._build(collection, [command])

    async def _create_indexes(self, command: Command) -> None:
        await self._build(command["commitIndexBuild"], command["indexes"])

    async def _build(self, collection: str, indexes: list[Mapping[str, Any]]) -> None:
        specs = [self._expiry.hold_back(collection, index) for index in indexes]
        await self._database.command("createIndexes", collection, indexes=specs)

    async def _drop_index(self, command: Command) -> None:
        await self._database.command(command)
        self._expiry.dropped(command["dropIndexes"], command["index"])


async def _nothing(command: Command) -> None:
    pass
