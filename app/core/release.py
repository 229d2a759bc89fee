"""Which code runs here."""

import hashlib
from functools import cache
from pathlib import Path

_APP = Path(__file__).parents[1]


@cache
def release() -> bytes:
    """A digest of the source: equal in all processes of one release, and in no others."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(_APP.rglob("*.py")):
        digest.update(path.relative_to(_APP).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()
