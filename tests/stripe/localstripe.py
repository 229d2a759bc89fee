"""localstripe, another Stripe for tests: somebody else's reading of the same reference, in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from app.dev.children import free_port

_RUN = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.store.dump_to_disk = lambda: None  # it would write a file that all processes share
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@contextmanager
def localstripe() -> Iterator[str]:
    """The URL of one that has nothing yet."""
    port = free_port()
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 30
    with subprocess.Popen([sys.executable, "-c", _RUN, str(port)]) as program:
        try:
            while not _answers(url):
                assert program.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield url
        finally:
            program.kill()


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True
