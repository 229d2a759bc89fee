"""Signed requests when Redis, which knows what came before, is away."""

import pytest

from app.core import clock, signals
from app.core.errors import Unavailable
from app.dev.children import free_port
from app.services.identity import signatures


async def test_what_cannot_be_told_from_a_repetition_is_refused() -> None:
    signed = signatures.Signature(clock.new_id(), int(clock.source()), "n" * 16, b"", b"")
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    try:
        with pytest.raises(Unavailable):
            await signatures.spend(signed)
    finally:
        await signals.close()
