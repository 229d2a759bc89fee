"""Atrium's own page of conversations in production settings: compiled, by stock execution, and written by hand.

Which way operations are executed is said by the environment variable GRAPHQL_EXECUTION.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.dev.children import Child, free_port
from benchmarks import conversations, processors
from benchmarks.figures import Contestant, Measurement
from benchmarks.stage import Announce, Stage, staged, wait

EXECUTION = "GRAPHQL_EXECUTION"
COMPILED, STOCK, BY_HAND = "Atrium", "Atrium, stock execution", "Starlette + PyMongo + orjson, by hand"
TITLE = "Atrium's own page of 20 conversations, in production settings"


@contextmanager
def prepared(announce: Announce) -> Iterator[tuple[Stage, Stage]]:
    """Two stages that differ in the API process alone: the first one compiles, the second one does not."""
    os.environ |= {EXECUTION: "compiled", "RESPONSE_CACHE_BYTES": "0"}  # each answer is computed
    with staged(announce) as compiled, tempfile.TemporaryDirectory(prefix="atrium-benchmarks-") as directory:
        port = free_port()
        command = [sys.executable, "-m", "app.cli", "serve", f"--port={port}"]
        child = Child("stock", command, Path(directory), environment={**os.environ, EXECUTION: "stock"})
        with processors.pinned(compiled.cores[0] if compiled.cores else None):
            child.start()
        try:
            wait(child, port, "/readyz")
            assert child.pid is not None
            yield compiled, replace(compiled, api_port=port, api_pid=child.pid)
        finally:
            child.stop()


async def prepare(compiled: Stage, stock: Stage) -> Measurement:
    """Raises WrongAnswer unless all three answer the same."""
    atrium, by_hand = (await conversations.prepare(compiled)).contestants
    uncompiled, _ = (await conversations.prepare(stock)).contestants
    contestants = [
        Contestant(COMPILED, atrium.turn),
        Contestant(STOCK, uncompiled.turn),
        Contestant(BY_HAND, by_hand.turn),
    ]
    return Measurement(TITLE, "requests", contestants)
