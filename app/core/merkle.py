"""Merkle trees: one hash for a list, and short proofs that something is in it (RFC 6962, 2.1)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sibling:
    """One step from a leaf to the root: the hash beside it, and on which side that is."""

    hash: bytes
    left: bool


def root(digests: Sequence[bytes]) -> bytes:
    """The root over digests, of which there is one at least."""
    return _leaf(digests[0]) if len(digests) == 1 else _node(*(root(part) for part in _halves(digests)))


def path(digests: Sequence[bytes], index: int) -> list[Sibling]:
    """What leads from the digest at `index` to the root, the nearest first."""
    if len(digests) == 1:
        return []
    left, right = _halves(digests)
    if index < len(left):
        return [*path(left, index), Sibling(root(right), left=False)]
    return [*path(right, index - len(left)), Sibling(root(left), left=True)]


def climb(digest: bytes, siblings: Sequence[Sibling]) -> bytes:
    """The root to which a path leads from a digest."""
    reached = _leaf(digest)
    for sibling in siblings:
        reached = _node(sibling.hash, reached) if sibling.left else _node(reached, sibling.hash)
    return reached


def _halves(digests: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """The left half is the largest power of two that leaves something for the right one."""
    split = 1 << ((len(digests) - 1).bit_length() - 1)
    return digests[:split], digests[split:]


def _leaf(digest: bytes) -> bytes:
    return hashlib.sha256(b"\0" + digest).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
