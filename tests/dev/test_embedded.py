import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
import redis

from app.dev.children import Child, ChildFailed
from app.dev.embedded import BinaryMissing, EmbeddedMongo, EmbeddedValkey, Server, mongod_binary, valkey_binary
from tests.processes import wait_until


def test_mongodb_keeps_its_data_over_a_crash_and_on_another_port(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as first:
        with pymongo.MongoClient[dict[str, Any]](first.uri) as client:
            client.kept.things.insert_one({"_id": 1})
        first.process.kill()
    with EmbeddedMongo(tmp_path) as second, pymongo.MongoClient[dict[str, Any]](second.uri) as client:
        assert second.port != first.port
        with client.start_session() as session, session.start_transaction():
            assert client.kept.things.find_one({"_id": 1}, session=session)
    assert not second.process.running


def test_a_durable_valkey_keeps_its_data_and_another_does_not(tmp_path: Path) -> None:
    def restarted(directory: Path, *, durable: bool) -> object:
        for _ in range(2):
            with EmbeddedValkey(directory, durable=durable) as valkey, redis.Redis.from_url(valkey.url) as client:
                found = client.get("kept")
                client.set("kept", "yes")
        return found

    assert restarted(tmp_path / "durable", durable=True) == b"yes"
    assert restarted(tmp_path / "volatile", durable=False) is None


@pytest.mark.parametrize("server", [EmbeddedMongo, EmbeddedValkey])
def test_a_taken_port_is_an_error_that_shows_the_log(server: type[Server], tmp_path: Path) -> None:
    with server(tmp_path / "one") as first, pytest.raises(ChildFailed, match="Address already in use"):
        server(tmp_path / "two", first.port).start()


@pytest.mark.parametrize(
    ("find", "variable"), [(mongod_binary, "MONGOD_BINARY"), (valkey_binary, "REDIS_SERVER_BINARY")]
)
def test_a_given_binary_wins_and_must_exist(
    find: "object", variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(find)
    monkeypatch.setenv(variable, sys.executable)
    assert find() == str(Path(sys.executable).resolve())
    monkeypatch.setenv(variable, str(tmp_path / "absent"))
    with pytest.raises(BinaryMissing, match=variable):
        find()


def test_no_binary_anywhere_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BinaryMissing, match=r"embedded.*MONGOD_BINARY.*MONGODB_URI"):
        mongod_binary()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from app.dev.children import Child\n"
        "child = Child('sleep', [sys.executable, '-c', 'import time; time.sleep(600)'], pathlib.Path(sys.argv[1]))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: "-I" not in child.cmdline(), 10, "the launcher became the program")
        parent.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([child], 10)[0], "the child outlived its parent"


def test_what_a_killed_parent_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    first = Child("one", command, tmp_path)
    first.start()
    left_behind = first.pid_file.read_text()
    with subprocess.Popen(command) as stranger:
        first.pid_file.write_text(f"{stranger.pid} 1.0")
        Child("one", command, tmp_path).sweep()
        assert first.running
        assert stranger.poll() is None
        first.pid_file.write_text(left_behind)
        Child("one", command, tmp_path).sweep()
        assert not first.running
        stranger.kill()
    first.stop()
