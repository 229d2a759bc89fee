"""A disk that can be full: a small tmpfs that only the processes put on it see. Linux alone; no rights are needed."""

import errno
import shutil
import sys
from pathlib import Path
from typing import Self

from app.dev.children import Child
from app.dev.embedded import EmbeddedMongo
from tests.processes import wait_until

FILLER = "filler"
PIECE = b"\0" * (256 * 1024)


class SmallDisk:
    """A directory with so many MiB of space. It lives as long as the process that holds it."""

    def __init__(self, directory: Path, mib: int) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True)
        mount = f"mount -t tmpfs -o size={mib}m none '{self.directory}' && echo mounted && exec sleep 1000000"
        self._holder = Child("disk", [_program("unshare"), "-rm", "sh", "-c", mount], directory.parent)

    def __enter__(self) -> Self:
        assert sys.platform == "linux", "a disk of limited size needs the namespaces of Linux"
        self._holder.start()
        wait_until(lambda: "mounted" in self._holder.log_file.read_text(), 30, "the disk is mounted")
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()

    @property
    def inside(self) -> list[str]:
        """What to put before a command, so that it sees the disk."""
        return [_program("nsenter"), "--preserve-credentials", "-U", "-m", "-t", str(self._holder.pid), "--"]

    def fill(self) -> None:
        """Leave no space."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(PIECE)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{self.directory}/{FILLER}")


class MongoOnDisk(EmbeddedMongo):
    """MongoDB whose data are on a small disk, and reach it every second."""

    parameters = {**EmbeddedMongo.parameters, "syncdelay": "1"}

    def __init__(self, disk: SmallDisk, directory: Path) -> None:
        self._disk = disk
        super().__init__(directory)

    def _command(self) -> list[str]:
        command = super()._command()
        command[command.index("--dbpath") + 1] = str(self._disk.directory)
        return [*self._disk.inside, *command]


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} of util-linux is missing"
    return found
