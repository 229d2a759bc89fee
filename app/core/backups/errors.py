"""What goes wrong with backups, in sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import OperationFailure, PyMongoError

from app.core import logs

_UNAUTHORIZED = 13


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message is one sentence that says what to do."""


class Missing(BackupError):
    """An object is not where it should be."""


@contextmanager
def permitted(work: str) -> Iterator[None]:
    """Rights that MongoDB's user lacks for a piece of work, as a BackupError."""
    try:
        yield
    except OperationFailure as error:
        if error.code != _UNAUTHORIZED:
            raise
        raise BackupError(
            f"MongoDB's user has not the rights for a {work}: give it the roles of docs/recovery.md. {_said(error)}"
        ) from error


@contextmanager
def refusals(work: str) -> Iterator[None]:
    """Whatever MongoDB has against what is restored, as a BackupError."""
    try:
        with permitted(work):
            yield
    except OperationFailure as error:
        raise BackupError(f"The backup does not fit together: {_said(error)}") from error
    except PyMongoError as error:
        raise BackupError(f"MongoDB does not answer: run the {work} again when it does. {_said(error)}") from error


def _said(error: PyMongoError) -> str:
    said: str = logs.redact(str(error).partition(", full error:")[0])
    return said[:300]
