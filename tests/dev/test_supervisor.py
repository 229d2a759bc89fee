"""`atrium dev`, as one starts it."""

import signal
import socket
import stat
import sys
from pathlib import Path

import psutil
import pymongo
import pytest

from app.dev.children import free_port
from tests.processes import ATRIUM, Program, environment, wait_until


def supervisor(directory: Path, *arguments: str) -> Program:
    port = free_port()
    output = directory.parent / f"supervisor-{port}.log"
    command = [*ATRIUM, "dev", f"--port={port}", f"--data-dir={directory}", *arguments]
    return Program(command, environment(COLUMNS="100"), output, port)


def mongod_port(program: Program) -> int:
    words = next(p for p in program.family() if p.name() == "mongod").cmdline()
    return int(words[words.index("--port") + 1])


def test_an_interrupt_leaves_no_process_and_the_next_start_keeps_the_data(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with supervisor(directory) as first:
        first.wait_for("/readyz", 200)
        wait_until(lambda: "Mail box" in first.output, 10, "the table of addresses")
        assert f"http://127.0.0.1:{first.port}/graphql" in first.output
        assert "owner@example.com" in first.output
        family = first.family()
        assert {"mongod", "valkey-server"} <= {p.name() for p in family}
        with pymongo.MongoClient[dict[str, object]](port=mongod_port(first), directConnection=True) as client:
            client.kept.things.insert_one({"_id": 1})
        first.send(signal.SIGINT)
        assert first.exit_status() == 0
        assert not psutil.wait_procs(family, 1)[1]
    key = directory / "secret-key"
    secret = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600

    with supervisor(directory) as second:
        second.wait_for("/readyz", 200)
        assert key.read_text() == secret
        with pymongo.MongoClient[dict[str, object]](port=mongod_port(second), directConnection=True) as client:
            assert client.kept.things.count_documents({}) == 1
        second.send(signal.SIGTERM)
        assert second.exit_status() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent was killed")
def test_killing_the_supervisor_leaves_no_orphan_and_fresh_deletes_the_data(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with supervisor(directory) as killed:
        killed.wait_for("/readyz", 200)
        family = killed.family()
        assert len(family) >= 6, [p.cmdline() for p in family]
        with pymongo.MongoClient[dict[str, object]](port=mongod_port(killed), directConnection=True) as client:
            client.kept.things.insert_one({"_id": 1})
        killed.send(signal.SIGKILL)
        killed.exit_status()
        wait_until(lambda: not any(map(_runs, family)), 30, "nothing of it runs")

    with supervisor(directory, "--fresh") as fresh:
        fresh.wait_for("/readyz", 200)
        with pymongo.MongoClient[dict[str, object]](port=mongod_port(fresh), directConnection=True) as client:
            assert client.kept.things.count_documents({}) == 0
        api = next(p for p in fresh.family() if "serve" in p.cmdline())
        api.kill()
        wait_until(lambda: not api.is_running(), 10, "the killed API is gone")
        fresh.wait_for("/readyz", 200)
        fresh.send(signal.SIGTERM)
        assert fresh.exit_status() == 0


def _runs(process: psutil.Process) -> bool:
    """Whether it does anything still; a machine may be slow to forget one that does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [*ATRIUM, "dev", f"--port={port}", f"--data-dir={tmp_path / 'data'}"]
        with Program(command, environment(), tmp_path / "output") as program:
            assert program.exit_status() == 1
            assert f"port {port}" in program.output
            assert "Traceback" not in program.output
