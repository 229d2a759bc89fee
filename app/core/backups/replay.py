"""Replays operations of the oplog on a restored database, in their order.

Writes go through `applyOps`, as they were logged; commands, which it does not take from clients, are given anew.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from app.core.backups.errors import BackupError
from app.core.backups.expiry import Expiry
from app.core.backups.oplog import Operation
from app.core.database import Document

BATCH_OPERATIONS, BATCH_BYTES = 1_000, 4 << 20

Command = dict[str, Any]


class Replay:
    """`source` is the name that the database had when the operations were logged."""

    def __init__(self, database: AsyncDatabase[Document], source: str, expiry: Expiry) -> None:
        self._database, self._source, self._expiry = database, source, expiry
        self._batch: list[Mapping[str, Any]] = []
        self._size = self.applied = 0
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

    async def apply(self, operation: Operation) -> None:
        """Raises OperationFailure when it does not fit the database, which only a wrong backup can cause."""
        self.applied += 1
        if operation["op"] == "c":
            await self.flush()
            await self._command(operation["o"])
            return
        collection = operation["ns"].removeprefix(f"{self._source}.")
        write = {"op": operation["op"], "ns": f"{self._database.name}.{collection}", "o": operation["o"]}
        if operation["op"] == "u":
            write["o2"] = operation["o2"]
        self._batch.append(write)
        self._size += len(operation["o"].raw)
        if len(self._batch) >= BATCH_OPERATIONS or self._size >= BATCH_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what was gathered, in one piece."""
        if self._batch:
            batch, self._batch, self._size = self._batch, [], 0
            # An update of what is not there fails; by default it would insert a part of a document.
            await self._database.client.admin.command("applyOps", batch, alwaysUpsert=False)

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
