"""Who is measured: a name for the tables, and the command of its server."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NODE = Path(__file__).parent / "node"


class NodeMissing(Exception):
    """Node.js or the packages are not on this machine; the message says how to get them."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that listens on the port that is appended to its command."""

    name: str
    program: Sequence[str]
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, port: int) -> list[str]:
        return [*self.program, str(port), *self.options]


def _python(name: str, module: str, *options: str, **environment: str) -> Contender:
    return Contender(name, [sys.executable, "-m", f"benchmarks.peers.{module}"], options, environment)


def _node(name: str, script: str) -> Contender:
    return Contender(name, [shutil.which("node") or "node", str(NODE / script)], environment={"NODE_ENV": "production"})


ATRIUM = _python("Atrium", "atrium", "bare")
FULL = _python("Atrium, as in production", "atrium", "full")
STRAWBERRY = _python("Strawberry", "python.stock")
CACHED = _python("Strawberry, with its caches", "python.stock", "cached")
BY_HAND = _python("Starlette + orjson, by hand", "python.by_hand")
NOTHING = _python("an ASGI application that does nothing", "python.nothing")
APOLLO = _node("Apollo Server", "apollo.js")
YOGA = _node("GraphQL Yoga", "yoga.js")
MERCURIUS = _node("Mercurius + graphql-jit", "mercurius.js")
FASTIFY = _node("Fastify, by hand", "fastify.js")
GRAPHQL_WS = _node("graphql-ws", "graphql-ws.js")
SOCKET_IO = _node("Socket.IO", "socket-io.js")


def check_node() -> None:
    """Raises NodeMissing."""
    if shutil.which("node") is None:
        raise NodeMissing("There is no node on this machine: the peers need Node.js 20.19 or newer.")
    if not (NODE / "node_modules").is_dir():
        raise NodeMissing("The peers' packages are not installed: use `make bench-peers`.")
