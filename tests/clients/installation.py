"""Node, with the packages of a folder installed as its lock file says."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest


def node(folder: Path) -> str:
    """The program. Installs the packages unless they are there already, of this very lock file."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("The client tests need Node.js 20 or later with npm on PATH.")
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    installed = folder / "node_modules" / ".installed"
    if not installed.exists() or installed.read_text() != wanted:
        command = [npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        installed.write_text(wanted)
    return node
