import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from app.api import uvicorn_protocol
from app.api.uvicorn_protocol import SERVER_OPTIONS, HardenedWebSocketProtocol


def test_another_uvicorn_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn, "__version__", "0.55.0")
    with pytest.raises(ImportError, match=r"private parts of uvicorn 0\.54; this is uvicorn 0\.55\.0\."):
        uvicorn_protocol._check_uvicorn()


def test_a_part_of_uvicorn_that_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(WebSocketsSansIOProtocol, "keepalive_timeout")
    with pytest.raises(ImportError, match=r"without WebSocketsSansIOProtocol\.keepalive_timeout"):
        uvicorn_protocol._check_uvicorn()


def test_production_lets_a_silent_client_live_40_seconds_at_most() -> None:
    assert SERVER_OPTIONS["ws_ping_interval"] + SERVER_OPTIONS["ws_ping_timeout"] <= 40


def test_empty_fragments_do_not_pile_up() -> None:
    protocol = object.__new__(HardenedWebSocketProtocol)
    protocol.frames = [b"begun"]
    protocol.handle_cont(Frame(Opcode.CONT, b"", fin=False))
    assert protocol.frames == [b"begun"]
