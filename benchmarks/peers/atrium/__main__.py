"""Serve the bench schema: `python -m benchmarks.peers.atrium PORT bare|full`."""

import os
import sys

import uvicorn

from app.api.uvicorn_protocol import SERVER_OPTIONS
from app.core import logs, metrics
from app.core.settings import Settings
from app.dev.children import free_port
from benchmarks.peers.atrium.app import create_app


def serve(port: int, *, full: bool) -> None:
    """With `full`, requests are logged and metrics shown as in production; without, only errors are logged."""
    os.environ.update({"METRICS_PORT": str(free_port())} if full else {"LOG_LEVEL": "error"})
    settings = Settings()
    logs.configure(settings)
    config = uvicorn.Config(
        create_app(settings, full=full),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        **SERVER_OPTIONS,
    )
    with metrics.exposed(settings.metrics_host, settings.metrics_port):
        uvicorn.Server(config).run()


if __name__ == "__main__":
    serve(int(sys.argv[1]), full=sys.argv[2] == "full")
