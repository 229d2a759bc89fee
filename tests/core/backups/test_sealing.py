import random
from collections.abc import Iterable

import pytest
from backports import zstd

from app.core.backups import BackupError, sealing
from app.core.backups.keys import Key, Keys
from app.core.backups.sealing import FRAME_BYTES, PIECE_BYTES, Opener, Sealer

KEY, OTHER = Key(b"k" * 32), Key(b"o" * 32)
HEADER = 33
rng = random.Random(7)
PLAIN = rng.randbytes(3 * FRAME_BYTES) + b"the same " * 1_000_000


def seal(*pieces: bytes, name: str = "a/name", key: Key = KEY) -> bytes:
    sealer = Sealer(key, name)
    return b"".join([*map(sealer.add, pieces), sealer.end()])


def unseal(*chunks: bytes, name: str = "a/name", keys: Iterable[Key] = (KEY,)) -> list[bytes]:
    opener = Opener(Keys(*keys), name)
    pieces = [piece for chunk in chunks for piece in opener.add(chunk)]
    opener.end()
    return pieces


def test_what_goes_in_comes_out_whatever_the_pieces() -> None:
    sealed = seal(PLAIN[:10], PLAIN[10 : 2 * FRAME_BYTES], b"", PLAIN[2 * FRAME_BYTES :])
    assert b"".join(unseal(sealed)) == PLAIN
    for step in (1_000, FRAME_BYTES, FRAME_BYTES + 20):
        assert b"".join(unseal(*(sealed[at : at + step] for at in range(0, len(sealed), step)))) == PLAIN
    assert b"".join(unseal(seal())) == b""


def test_what_was_packed_well_comes_out_in_small_pieces() -> None:
    sealed = seal(bytes(200 * PIECE_BYTES))
    assert len(sealed) < FRAME_BYTES
    pieces = unseal(sealed)
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert sum(map(len, pieces)) == 200 * PIECE_BYTES


@pytest.mark.parametrize("seed", range(20))
def test_every_altered_byte_is_seen(seed: int) -> None:
    sealed, chance = bytearray(seal(PLAIN)), random.Random(seed)
    sealed[chance.randrange(len(sealed))] ^= 1 << chance.randrange(8)
    with pytest.raises(BackupError):
        unseal(bytes(sealed))


def frames(sealed: bytes) -> list[bytes]:
    found, at = [], HEADER
    while at < len(sealed):
        end = at + 4 + int.from_bytes(sealed[at : at + 4], "big")
        found.append(sealed[at:end])
        at = end
    return found


def test_frames_cannot_be_dropped_moved_repeated_or_cut_off() -> None:
    sealed = seal(PLAIN)
    header, parts = sealed[:HEADER], frames(sealed)
    assert len(parts) >= 4
    for wrong in (parts[:-1], parts[1:], [parts[1], parts[0], *parts[2:]], [*parts, parts[-1]], [parts[-1]], []):
        with pytest.raises(BackupError):
            unseal(header + b"".join(wrong))
    for end in (0, 10, HEADER, HEADER + 2, HEADER + 100, len(sealed) - 1):
        with pytest.raises(BackupError, match=r"is cut off|was altered"):
            unseal(sealed[:end])


def test_an_object_under_another_name_is_refused() -> None:
    with pytest.raises(BackupError, match="renamed"):
        unseal(seal(PLAIN), name="another/name")


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(BackupError, match=f"sealed with key {KEY.id.hex()}, and BACKUP_KEY holds {OTHER.id.hex()}"):
        unseal(seal(PLAIN), keys=[OTHER])


def test_the_key_is_changed_by_putting_a_new_one_before_it() -> None:
    keys = Keys(OTHER, KEY)
    assert keys.newest is OTHER
    for key in (OTHER, KEY):
        assert b"".join(Opener(keys, "a/name").add(seal(b"text", key=key))) == b"text"


def test_foreign_and_newer_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackupError, match="not part of a backup of Atrium"):
        unseal(b"PK\3\4" + bytes(1000))
    monkeypatch.setattr(sealing, "FORMAT", 2)
    newer = seal(PLAIN)
    monkeypatch.undo()
    with pytest.raises(BackupError, match="format 2, and this release reads 1"):
        unseal(newer)


def test_nothing_readable_is_left() -> None:
    text = b"canary-of-the-backup "
    sealed = seal(text * 1000)
    assert text.strip() not in sealed
    assert text.strip() not in zstd.compress(sealed)


def test_equal_content_does_not_look_equal() -> None:
    assert seal(PLAIN)[HEADER:] != seal(PLAIN)[HEADER:]
