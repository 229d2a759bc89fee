from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.dev.children import free_port
from tests.processes import ATRIUM, Program, environment


def run(tmp_path: Path, *arguments: str, **changes: str) -> tuple[int, str]:
    env = environment(COLUMNS="200", **changes)
    with Program([*ATRIUM, *arguments], env, tmp_path / "output") as program:
        status = program.exit_status()
        assert "Traceback" not in program.output
        return status, " ".join(program.output.split())


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_missing_settings_are_named(command: str, tmp_path: Path) -> None:
    status, output = run(tmp_path, command)
    assert status == 1
    assert "MONGODB_URI: is missing" in output
    assert "REDIS_URL: is missing" in output


@pytest.mark.parametrize("arguments", [["serve", "--port=none"], ["server"], ["dev", "--port=70000"]])
def test_wrong_usage_is_another_status_than_failure(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    away = {"MONGODB_URI": f"mongodb://u:hunter2@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"}
    redis = f"redis://127.0.0.1:{free_port()}/0"
    status, output = run(tmp_path, "check", REDIS_URL=redis, **away)
    assert status == 1
    assert "mongodb: " in output
    assert "redis: ConnectionError" in output
    assert "hunter2" not in output


def test_migrate_then_check(mongodb_uri: str, redis_url: str, tmp_path: Path) -> None:
    servers = {"MONGODB_URI": mongodb_uri, "REDIS_URL": redis_url, "MONGODB_DATABASE": f"atrium_test_cli_{free_port()}"}
    status, output = run(tmp_path, "check", **servers)
    assert (status, "migrations: MigrationsPending" in output) == (1, True)
    status, output = run(tmp_path, "migrate", **servers)
    assert status == 0
    assert "ran." in output
    assert "up to date" in run(tmp_path, "migrate", **servers)[1]
    assert run(tmp_path, "check", **servers)[0] == 0


def test_schema_writes_and_checks(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"

    def schema(*arguments: str) -> int:
        return CliRunner().invoke(app, ["schema", f"--output={file}", *arguments]).exit_code

    assert schema("--check") == 1
    assert schema() == 0
    assert schema("--check") == 0
    file.write_text(file.read_text().replace("type Query", "type Questions"))
    assert schema("--check") == 1
