"""The directory that keeps what `atrium dev` stores."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARKER = ".atrium-data"
_MARKER_TEXT = "Made by `atrium dev`. FRESH=1 deletes everything in this directory.\n"


class DataDirectoryError(Exception):
    """The directory cannot be used; the message says why."""


@contextmanager
def claimed(directory: Path, *, fresh: bool) -> Iterator[Path]:
    """Hold the directory for this process, made if need be and emptied first when `fresh`. Raises DataDirectoryError.

    A directory that has other things in it is refused: it must never be emptied.
    """
    directory = directory.resolve()
    marker = directory / MARKER
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not marker.exists():
            if any(directory.iterdir()):
                raise DataDirectoryError(f"{directory} was not made by Atrium. Choose another with DATA_DIR.")
            marker.write_text(_MARKER_TEXT)
        with marker.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if fresh:
                _empty(directory)
            yield directory
    except BlockingIOError:
        raise DataDirectoryError(
            f"Another `atrium dev` uses {directory}. Stop it, or choose another DATA_DIR."
        ) from None
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise DataDirectoryError(f"{directory} cannot hold data: {error.strerror}.") from None


def secret_key(directory: Path) -> str:
    """The key that signs this directory's tokens, drawn once; only the owner can read its file."""
    file = directory / "secret-key"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32))
    return file.read_text()


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARKER:
            entry.unlink()
