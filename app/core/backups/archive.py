"""Where backups are kept: a folder or a bucket, in which everything is sealed."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import obstore
from obstore.exceptions import BaseError

from app.core.backups.errors import BackupError, Missing
from app.core.backups.keys import Keys
from app.core.backups.sealing import Opener, Sealer
from app.core.settings import Settings
from app.core.stores import opened

TRANSFER_BYTES = 8 << 20
_END = object()


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it lies in the store: sealed bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Archive:
    """The backups of one database. Names are relative to `<url>/<database>/`."""

    def __init__(self, url: str, database: str, keys: Keys, *, setting: str = "BACKUP_URL") -> None:
        """`url`: file:///a/folder or s3://bucket/prefix; the usual AWS_ variables say how a bucket is reached.

        `setting` is where people look when it cannot be used.
        """
        self.url, self.database, self.keys, self._setting = url.rstrip("/"), database, keys, setting
        self._root = f"{self.url}/{database}"
        with self._reaching():
            self._store = opened(self.url)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The archive that the settings name. Raises BackupError when they name none."""
        if settings.backup_url is None or settings.backup_key is None:
            raise BackupError("There is no place for backups: set BACKUP_URL and BACKUP_KEY (see .env.example).")
        keys = Keys.parse(settings.backup_key.get_secret_value())
        return cls(settings.backup_url, settings.mongodb_database, keys)

    async def write(self, name: str, plain: AsyncIterator[bytes]) -> Stored:
        """Store a stream of any length. It is there as a whole or not at all."""
        sealer = Sealer(self.keys.newest, name)

        async def sealed() -> AsyncIterator[bytes]:
            async for piece in plain:
                if out := await asyncio.to_thread(sealer.add, piece):
                    yield out
            yield await asyncio.to_thread(sealer.end)

        with self._reaching():
            await obstore.put_async(
                self._store,
                self._path(name),
                sealed(),
                use_multipart=True,
                chunk_size=TRANSFER_BYTES,
                max_concurrency=2,
            )
        return Stored(sealer.size, sealer.sha256)

    async def put(self, name: str, plain: bytes) -> None:
        """Store something small at once, in the place of what may be there."""
        sealer = Sealer(self.keys.newest, name)
        sealed = await asyncio.to_thread(lambda: sealer.add(plain) + sealer.end())
        with self._reaching():
            await obstore.put_async(self._store, self._path(name), sealed, use_multipart=False)

    async def read(self, name: str, expected: Stored | None = None) -> AsyncIterator[bytes]:
        """The plain bytes of an object, piece by piece. Raises BackupError when it is absent, or not as expected.

        What is damaged is known before the last piece, but not before the first.
        """
        opener = Opener(self.keys, name)
        with self._reaching(name):
            answer = await obstore.get_async(self._store, self._path(name))
            async for chunk in answer.stream(TRANSFER_BYTES):
                async for piece in _in_thread(opener.add(bytes(chunk))):
                    yield piece
        opener.end()
        if expected is not None and (opener.size, opener.sha256) != (expected.size, expected.sha256):
            raise BackupError(f"{name} is not the object that its manifest names: use another copy of this backup.")

    async def get(self, name: str) -> bytes:
        """The whole of something small."""
        return b"".join([piece async for piece in self.read(name)])

    async def find(self, name: str) -> bytes | None:
        """The whole of something small; None when it is not there."""
        try:
            return await self.get(name)
        except Missing:
            return None

    async def names(self, prefix: str = "") -> list[str]:
        """The names that begin with a folder's name, in order."""
        with self._reaching():
            found: list[str] = []
            async for page in obstore.list(self._store, self._path(prefix).rstrip("/")):
                found += [str(one["path"]).removeprefix(f"{self.database}/") for one in page]
        return sorted(found)

    async def delete(self, names: Sequence[str]) -> None:
        with self._reaching():
            if names:
                await obstore.delete_async(self._store, [self._path(name) for name in names])

    def check_database(self, database: str, name: str) -> None:
        """Raises BackupError for an object that was moved here from the backups of another database."""
        if database != self.database:
            raise BackupError(
                f"{name} is of the database {database}, not of {self.database}: put it back where it was, set "
                f"MONGODB_DATABASE={database}, and restore with --database."
            )

    def _path(self, name: str) -> str:
        return f"{self.database}/{name}"

    @contextmanager
    def _reaching(self, name: str = "") -> Iterator[None]:
        """Failures of the store in one sentence."""
        try:
            yield
        except (BaseError, OSError) as error:
            if name and isinstance(error, FileNotFoundError):
                raise Missing(f"{name} is missing from {self._root}: use another copy of this backup.") from None
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise BackupError(f"{self._setting} {self.url} cannot be used: {reason[0][:300]}") from error


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(_following, pieces)) is not _END:
        yield piece


def _following(pieces: Iterator[bytes]) -> Any:
    return next(pieces, _END)
