"""Where the contenders run: a private MongoDB and Valkey, a sequencer for Atrium, servers that start when needed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.dev.children import Child, ChildFailed, free_port
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey
from benchmarks import processors
from benchmarks.peers import data
from benchmarks.peers.contenders import Contender
from benchmarks.stage import Announce, environment, wait

DATABASE = "peers"


@dataclass(frozen=True, slots=True)
class Server:
    """A contender that listens."""

    port: int
    pid: int


class Stage:
    """What all contenders share. `pids` names the processes that work for each of them; `token` is one of Atrium's."""

    def __init__(
        self, directory: Path, stack: ExitStack, cores: tuple[int, int] | None, pids: Mapping[str, int], token: str
    ) -> None:
        self._directory, self._stack, self._cores = directory, stack, cores
        self.pids, self.token = pids, token
        self._running: dict[tuple[str, str], Server] = {}

    def server(self, contender: Contender, database: str = DATABASE) -> Server:
        """The contender's server on a database, which stays until the end."""
        if (contender.name, database) not in self._running:
            self._running[contender.name, database] = self._stack.enter_context(self.fresh(contender, database))
        return self._running[contender.name, database]

    @contextmanager
    def fresh(self, contender: Contender, database: str = DATABASE) -> Iterator[Server]:
        """A server of the contender's that was just started, on the servers' core, and is stopped at the end."""
        port = free_port()
        variables = {**os.environ, **contender.environment, "MONGODB_DATABASE": database}
        child = Child(f"{port}", contender.command(port), self._directory, environment=variables)
        with processors.pinned(self._cores[0] if self._cores else None):
            child.start()
        try:
            wait(child, port, "/", ready=bool)
            assert child.pid is not None
            yield Server(port, child.pid)
        finally:
            child.stop()


@contextmanager
def staged(announce: Announce) -> Iterator[Stage]:
    """Start it all, and stop it at the end. This process becomes the clients' and gets a core of its own."""
    cores = processors.pair()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atrium-benchmarks-")))
        announce("Starting MongoDB and Valkey")
        mongo = stack.enter_context(EmbeddedMongo(directory / "mongodb"))
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey"))
        catalogue = directory / "catalogue.json"
        data.write_catalogue(catalogue)
        shared = {"MONGODB_DATABASE": DATABASE, "PEERS_CATALOGUE": str(catalogue)}
        os.environ.update({**environment(mongo.uri, valkey.url), **shared})
        announce("Filling the database")
        token = _said_by("benchmarks.peers.atrium.sign_in")
        data.fill(mongo.uri, DATABASE)
        sequencer = Child("sequencer", [sys.executable, "-m", "benchmarks.peers.atrium.sequencer"], directory)
        sequencer.start()
        stack.callback(sequencer.stop)
        assert sequencer.pid is not None
        assert mongo.process.pid is not None
        stack.enter_context(processors.pinned(cores[1] if cores else None))
        yield Stage(directory, stack, cores, {"sequencer": sequencer.pid, "mongod": mongo.process.pid}, token)


def _said_by(module: str) -> str:
    """The last line that a program prints; in a process of its own, for settings are read once in each."""
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildFailed(f"{module} ended with status {done.returncode}:\n{done.stderr[-2_000:]}")
    return done.stdout.split()[-1]
