"""Cursors that clients hold: 22 characters that say nothing and fit one feed only.

One AES block of epoch (4 bytes), position (8) and a keyed hash of the feed (4). Positions count the writes of the
whole platform, which is nobody's business; and a cursor of another feed or epoch is refused at once instead of
answering the wrong thing.
"""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from app.core import seals
from app.core.errors import BadCursor, ResyncRequired

_BLOCK = struct.Struct(">IQ4s")
_LENGTH = 22


def seal(epoch: int, position: int, feed: Iterable[str]) -> str:
    """The cursor of a position in the feed that these names describe, in any order."""
    block = _BLOCK.pack(epoch, position, _mark(feed))
    encrypted = _cipher().encryptor().update(block)
    return urlsafe_b64encode(encrypted).decode().rstrip("=")


def unseal(cursor: str, epoch: int, feed: Iterable[str]) -> int:
    """The position. Raises BadCursor for what was not made here for this feed, ResyncRequired for another epoch."""
    try:
        encrypted = urlsafe_b64decode(f"{cursor}==") if len(cursor) == _LENGTH else b""
    except ValueError:
        encrypted = b""
    if len(encrypted) != _BLOCK.size or urlsafe_b64encode(encrypted).decode().rstrip("=") != cursor:
        raise BadCursor("That cursor is not one of ours.")
    then, position, mark = _BLOCK.unpack(_cipher().decryptor().update(encrypted))
    if mark != _mark(feed):
        raise BadCursor("That cursor is not one of this feed.")
    if then != epoch:
        raise ResyncRequired("The order of changes was begun anew. Read the state again and follow from there.")
    return int(position)


@cache
def _cipher() -> "Cipher[ECB]":
    # One block, whose contents differ for each position: the mode has nothing to leak.
    return Cipher(AES(seals.key("change cursors")), ECB())  # noqa: S305


def _mark(feed: Iterable[str]) -> bytes:
    return hashlib.blake2s("\0".join(sorted(feed)).encode(), key=seals.key("change feeds"), digest_size=4).digest()
