import pytest

from app.core import seals


def test_only_its_purpose_unseals() -> None:
    sealed = seals.seal("answers", b"secret")
    assert b"secret" not in sealed
    assert seals.unseal("answers", sealed) == b"secret"
    with pytest.raises(ValueError, match="not sealed"):
        seals.unseal("other", sealed)


def test_every_altered_byte_is_noticed() -> None:
    sealed = seals.seal("answers", b"secret")
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(ValueError, match="not sealed"):
            seals.unseal("answers", bytes(altered))


def test_the_same_content_seals_differently_and_fingerprints_equally() -> None:
    assert seals.seal("answers", b"x") != seals.seal("answers", b"x")
    assert seals.fingerprint("requests", b"x") == seals.fingerprint("requests", b"x")
    assert seals.fingerprint("requests", b"x") != seals.fingerprint("other", b"x")
