"""`atrium backup` and `restore`, as an operator meets them. Redis is away all the time."""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.cli.console import err, out
from app.core import database
from app.core.settings import settings
from app.dev.children import free_port
from tests.processes import ATRIUM, Program, environment

Run = Callable[..., tuple[int, str]]
AWAY = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"
KEY, OTHER = b64encode(b"1" * 32).decode(), b64encode(b"2" * 32).decode()


@pytest.fixture(scope="module")
def settings_of_one(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a database with the demonstration's data."""
    folder, name = tmp_path_factory.mktemp("backups"), f"atrium_cli_{secrets.token_hex(4)}"
    own = {
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": name,
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "BACKUP_URL": f"file://{folder}/kept",
        "BACKUP_KEY": KEY,
        "COLUMNS": "300",
    }
    for command in ("migrate", "seed"):
        with Program([*ATRIUM, command], environment(**own), folder / "output") as program:
            assert program.exit_status(120) == 0, program.output
    yield own
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        for one in client.list_database_names():
            if one.startswith(name):
                client.drop_database(one)


@pytest.fixture
def run(settings_of_one: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command; answers its status and what it said. This process's own connection is put aside."""
    monkeypatch.setattr(database, "_client", None)
    monkeypatch.setattr(database, "_name", "")

    def run(*arguments: str, **changes: str) -> tuple[int, str]:
        for name, value in {**settings_of_one, **changes}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(result.output.split())

    # rich asks for the width when it is imported
    for console in (out, err):
        monkeypatch.setattr(console, "_width", 300)
    yield run
    settings.cache_clear()


def test_make_list_verify_drill_restore(run: Run, mongodb_uri: str) -> None:
    status, said = run("backup")
    assert (status, "Backed up as of 20" in said) == (0, True), said
    taken = said.split("as of ")[1].split(":", 3)
    moment = ":".join(taken[:3])
    status, said = run("backup", "list")
    assert status == 0
    assert moment in said
    status, said = run("backup", "verify")
    assert (status, "1 full backups and 0 segments are as they were written." in said) == (0, True), said
    status, said = run("backup", "verify", "--drill")
    assert (status, "sound" in said) == (0, True), said
    status, said = run("restore", "--at", moment, "--database", "atrium_cli_restored")
    assert (status, "atrium_cli_restored is restored as of" in said) == (0, True), said
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        assert client.atrium_cli_restored.messages.estimated_document_count() > 0
        client.drop_database("atrium_cli_restored")


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (["restore"], {}, "is not empty. Restore beside it with --database NAME"),
        (["restore", "--at", "noon"], {}, "“noon” is not a time: write it like 2030-01-31T14:05:09Z."),
        (["restore", "--at", "2001-01-01T00:00:00Z"], {}, "is before the first backup"),
        (["restore", "--at", "2101-01-01T00:00:00Z", "--database", "x"], {}, "The backups do not reach 2101-01-01"),
        (["restore"], {"MONGODB_DATABASE": "of_nobody"}, "There is no backup of of_nobody in file:///"),
        (["restore", "--database", "x"], {"BACKUP_KEY": OTHER}, "was sealed with key"),
        (["backup", "verify"], {"BACKUP_KEY": OTHER}, "was sealed with key"),
        (["backup", "list"], {"BACKUP_KEY": ""}, "BACKUP_KEY is missing"),
        (["worker"], {"BACKUP_KEY": ""}, "BACKUP_KEY is missing"),
        (["serve"], {"BACKUP_KEY": "c2hvcnQ="}, "BACKUP_KEY: Value error, must be 32 random bytes in base64"),
        (["backup"], {"BACKUP_URL": "ftp://x"}, "BACKUP_URL"),
        (["backup"], {"BACKUP_URL": "", "BACKUP_KEY": ""}, "There is no place for backups: set BACKUP_URL"),
        (["backup"], {"BACKUP_URL": "file:///proc/nowhere"}, "BACKUP_URL file:///proc/nowhere cannot be used"),
        (["backup"], {"BACKUP_URL": "s3://KEY:hush@bucket"}, "BACKUP_URL: Value error, must not hold credentials"),
        (["backup"], {"ARCHIVE_URL": "s3://KEY:hu/sh@bucket"}, "ARCHIVE_URL: Value error, must not hold credentials"),
        (["restore", "--database", "x", "--from", "none"], {}, "There is no full backup none: `atrium backup list`"),
        (["restore", "--database", "x"], {"MONGODB_URI": AWAY}, "MongoDB does not answer: run the restore again"),
        (["restore", "--database", "a/b"], {}, "“a/b” cannot be a database's name"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Run, arguments: list[str], changes: dict[str, str], said: str
) -> None:
    status, output = run(*arguments, **changes)
    assert (status, said in output, "hush" in output) == (1, True, False), output


def test_verify_needs_no_database(run: Run) -> None:
    assert run("backup", "verify", MONGODB_URI=AWAY)[0] == 0
    status, said = run("backup", MONGODB_URI=AWAY)
    assert (status, "MongoDB cannot be used" in said) == (1, True)


def test_damage_is_a_failure(run: Run, tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    assert run("backup", BACKUP_URL=url)[0] == 0
    parts = sorted(tmp_path.glob("*/full/*/0*"))
    parts[3].write_bytes(parts[3].read_bytes()[:-1])
    parts[4].unlink()
    status, said = run("backup", "verify", BACKUP_URL=url)
    assert (status, "is cut off" in said, "is missing" in said) == (1, True, True), said
    status, said = run("restore", "--database", "atrium_cli_damaged", BACKUP_URL=url)
    assert (status, "cannot be trusted" in said) == (1, True), said
    status, said = run("backup", "verify", "--drill", BACKUP_URL=url)
    assert status == 1


def test_help_names_the_commands(run: Run) -> None:
    status, said = run("backup", "--help")
    assert status == 0
    assert "Make a full backup now" in said
    assert "verify" in said
