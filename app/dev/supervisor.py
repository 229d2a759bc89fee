"""`atrium dev`: everything on this machine, started in order, kept running, stopped in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from dotenv import dotenv_values
from rich.console import Console
from rich.status import Status
from rich.table import Table

from app import startup
from app.core.listening import PortInUse, listen
from app.core.settings import Settings, settings
from app.dev import clamav
from app.dev.children import Child, free_port
from app.dev.data import claimed, secret_key
from app.dev.embedded import EmbeddedMongo, EmbeddedValkey, Server
from app.seeds.people import DEMO, PASSWORD, SHOWN

TICK_SECONDS = 0.05
MAX_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30
MAILBOX_OFFSET = 25
"""The mail box is at PORT + 25, 8025 by default, when that port is free."""


@dataclass
class _Kept:
    """A child that is started again whenever it ends, after pauses that grow."""

    child: Child
    started: float = 0
    due: float = 0
    pause: float = 0.5

    def look(self, console: Console) -> None:
        now = time.monotonic()
        if self.child.running:
            return
        if self.due <= self.started:
            self.pause = 0.5 if now - self.started > STEADY_SECONDS else min(self.pause * 2, MAX_PAUSE_SECONDS)
            self.due = now + self.pause
            console.print(f"[yellow]{self.child.name} ended with status {self.child.exit_status}; it starts again.")
        elif now >= self.due:
            self.started = now
            self.child.start()


def run(port: int, data_directory: Path, *, fresh: bool, console: Console) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP, then stop everything and raise SystemExit(0).

    Raises PortInUse, DataDirectoryError, BinaryMissing, ChildFailed and SettingsError with messages for people.
    """
    _exit_on_signals()
    listen("127.0.0.1", port).close()
    given = {**{k: v for k, v in dotenv_values(".env").items() if v}, **os.environ}
    with ExitStack() as stack:
        directory = stack.enter_context(claimed(data_directory, fresh=fresh))
        with console.status("Starting the servers"):
            servers, addresses = _start_servers(stack, directory, given)
        mailbox_port = port + MAILBOX_OFFSET if _is_free(port + MAILBOX_OFFSET) else free_port()
        smtp_port = free_port()
        environment = {
            "ATRIUM_ENV": "dev",
            "SECRET_KEY": secret_key(directory),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "MEDIA_URL": f"file://{directory / 'files'}",
            "DEMO_DATA": "true",
            "ABSENCE_SECONDS": "15",
            "MAIL_PER_MINUTE": "6000",
            "DRAIN_SECONDS": "0",
            "LOG_FORMAT": "text",
            **given,
            **addresses,
        }
        os.environ.update(environment)
        mailbox = [sys.executable, "-m", "app.dev.mailbox", str(directory / "mail"), str(smtp_port), str(mailbox_port)]
        atrium = [sys.executable, "-m", "app.cli"]
        programs = [
            Child("api", [*atrium, "serve", f"--port={port}"], directory, environment=environment, to_terminal=True),
            Child("worker", [*atrium, "worker"], directory, environment=environment | _apart(), to_terminal=True),
            Child("mailbox", mailbox, directory),
        ]
        _fill(settings(), console)
        _start(stack, programs)
        _keep([server.process for server in servers] + programs, port, mailbox_port, console)


def _start_servers(stack: ExitStack, directory: Path, given: Mapping[str, str]) -> tuple[list[Server], dict[str, str]]:
    """Start those whose address is not given, side by side; answers them, and the addresses."""
    addresses = {name: given[name] for name in ("MONGODB_URI", "REDIS_URL") if name in given}
    servers: list[Server] = []
    if "MONGODB_URI" not in addresses:
        mongo = EmbeddedMongo(directory / "mongodb")
        addresses["MONGODB_URI"] = mongo.uri
        servers.append(mongo)
    if "REDIS_URL" not in addresses:
        valkey = EmbeddedValkey(directory / "valkey", durable=True)
        addresses["REDIS_URL"] = valkey.url
        servers.append(valkey)
    if "CLAMAV_URL" not in given and clamav.installed():  # without it no files are taken
        scanner = clamav.ClamAV(directory / "clamav")
        addresses["CLAMAV_URL"] = scanner.url
        servers.append(scanner)
    for server in servers:
        stack.callback(server.stop)
        server.launch()
    for server in servers:
        server.wait()
    return servers, addresses


def _apart() -> dict[str, str]:
    """What a second process must not share: the port of its metrics is the next one."""
    port = settings().metrics_port
    return {"METRICS_PORT": str(port + 1)} if port else {}


def _fill(settings: Settings, console: Console) -> None:
    """Run the migrations that the data lack, and store the demonstration's where they are not stored yet."""

    async def fill(status: Status) -> None:
        await startup.migrate(settings, lambda name, *_: status.update(f"Migration: {name}"))
        await startup.seed(settings, lambda name, *_: status.update(f"Demonstration: {name}"))

    with console.status("Preparing the database") as status:
        asyncio.run(fill(status))


def _start(stack: ExitStack, programs: list[Child]) -> None:
    """Start them; at the end all are asked to stop before the first is waited for."""
    for child in programs:
        stack.callback(child.stop)
    for child in programs:
        stack.callback(child.terminate)
        child.start()


def _keep(children: list[Child], port: int, mailbox_port: int, console: Console) -> None:
    """Print where everything is once the API is ready, and restart what ends, until a signal."""
    kept = [_Kept(child, started=time.monotonic()) for child in children]
    ready = False
    while True:
        if not ready and _ready(port):
            ready = True
            _print_addresses(port, mailbox_port, console)
        for one in kept:
            one.look(console)
        time.sleep(TICK_SECONDS)


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _print_addresses(port: int, mailbox_port: int, console: Console) -> None:
    address = f"http://127.0.0.1:{port}"
    table = Table(title="Atrium runs", title_justify="left", show_header=False)
    table.add_row("GraphQL and GraphiQL", f"{address}/graphql")
    table.add_row("Health", f"{address}/readyz")
    table.add_row("Mail box", f"http://127.0.0.1:{mailbox_port}")
    table.add_section()
    table.add_row("Demo accounts", "\n".join(person.email for person in SHOWN))
    table.add_row("Password", PASSWORD)
    table.add_row("Organization", DEMO.slug)
    console.print(table)
    console.print("Ctrl-C stops everything; the data are kept.")


def _exit_on_signals() -> None:
    """Turn the first signal into SystemExit; the stop that follows is bounded, and not to be interrupted."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(*_: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    for number in signals:
        signal.signal(number, stop)


def _is_free(port: int) -> bool:
    try:
        listen("127.0.0.1", port).close()
    except (PortInUse, OverflowError):
        return False
    return True
