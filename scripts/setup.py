"""Makes `.venv` with everything development needs. Needs Python 3.11 to 3.13 and nothing else; uses uv if there is one.

Does nothing when `.venv` was made by the same Python from the same pyproject.toml and uv.lock.
"""

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup-stamp"
OLDEST, NEWEST = (3, 11), (3, 13)


def main():
    use_fitting_python()
    files = [ROOT / "pyproject.toml", ROOT / "uv.lock", Path(__file__)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = version + " " + hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Setting up .venv; this takes a minute the first time.", flush=True)
    if not install_with_uv():
        install_with_pip()
    STAMP.write_text(wanted)
    if sys.platform == "linux" and not ctypes.util.find_library("curl"):
        print("The private MongoDB needs the library libcurl4: apt-get install libcurl4", file=sys.stderr)


def use_fitting_python():
    """Go on in a Python that fits when this one does not."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        # A version manager's shim may stand for a version that is not installed.
        if python and subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            os.execv(python, [python, *sys.argv])
    version = sys.version.split()[0]
    sys.exit(f"Atrium needs Python 3.11, 3.12 or 3.13, and this is {version}. Name one: make PYTHON=python3.12 ...")


def install_with_uv():
    """Install what uv.lock says. False when uv is absent or cannot."""
    uv = shutil.which("uv")
    if uv is None or subprocess.run([uv, "--version"], capture_output=True).returncode:
        return False
    command = [uv, "sync", "--quiet", "--locked", "--all-extras", "--compile-bytecode"]
    command += ["--python", sys.executable]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(VENV)})
    if done.returncode:
        print("uv could not do it; trying pip.", file=sys.stderr, flush=True)
    return done.returncode == 0


def install_with_pip():
    """Install the newest releases that pyproject.toml allows."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        detail = (made.stdout + made.stderr).strip()
        sys.exit(f"Cannot make .venv. On Debian and Ubuntu: apt-get install python3-venv\n{detail}")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for packages in (["--upgrade", "pip>=25.1"], ["--editable", ".[embedded]", "--group", "dev"]):
        if subprocess.run([*pip, *packages], cwd=ROOT).returncode:
            sys.exit("pip could not install the packages; its message is above.")


main()
