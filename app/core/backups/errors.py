"""What goes wrong with backups, in sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import OperationFailure, PyMongoError

from app.core import logs

_UNAUTHORIZED = 13


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message is one sentence that says what to do."""


@contextmanager
def refusals(work: str) -> Iterator[None]:
    """What MongoDB says against a piece of work, as a BackupError: its rights, its data, or that it went away."""
    try:
        yield
    except OperationFailure as error:
        said = logs.redact(str(error).partition(", full error:")[0])[:300]
        if error.code == _UNAUTHORIZED:
            raise BackupError(
                f"MongoDB's user must not do this: give it the roles that docs/recovery.md names for a {work}. {said}"
            ) from error
        raise BackupError(f"The backup does not fit together: {said}") from error
    except PyMongoError as error:
        raise BackupError(
            f"MongoDB went away during the {work}: run it again. {logs.redact(str(error))[:300]}"
        ) from error
