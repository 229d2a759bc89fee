"""Commands that reach a database, run in this process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from pymongo.database import Database
from typer.testing import CliRunner

from app.cli import app, console, data
from app.core import database as connection
from app.core import signals
from app.core.settings import settings

Store = Database[dict[str, Any]]


class Commands:
    """Runs commands in this process: a process for each would take the tests a minute."""

    def __init__(self, database: str, patch: pytest.MonkeyPatch) -> None:
        self._database, self._patch = database, patch

    def run(self, *arguments: str, status: int = 0, width: int = 80) -> str:
        """What a command that ends with this status has printed."""
        with self._patch.context() as patch:
            mine = settings().model_copy(update={"mongodb_database": self._database})
            for module in (console, data):
                patch.setattr(module, "settings", lambda: mine)
            for module, name in ((connection, "_client"), (connection, "_name"), (signals, "_signals")):
                patch.setattr(module, name, getattr(module, name))  # they are put back
            for stream in (console.out, console.err):
                patch.setattr(stream, "_width", width)
            logging = structlog.get_config()
            with ThreadPoolExecutor(1) as apart:  # where no event loop is
                result = apart.submit(CliRunner().invoke, app, arguments).result()
            structlog.configure(**logging)
        assert result.exit_code == status, (result.output, result.exception)
        return result.output
