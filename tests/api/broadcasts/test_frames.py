"""Results as frames: whatever their length and whatever ids clients choose, a WebSocket library reads the same."""

import json

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from app.api import frames
from app.api.frames import Next
from app.api.transport_ws import in_json

LENGTHS = [*range(123, 129), *range(65_533, 65_539), 200_000]
IDS = ["1", "é\u2028🎓", '"quoted" \\ {"id":', "x" * 128]


def read(data: bytes) -> list[Frame]:
    """The frames in these bytes, as a client understands them."""
    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    assert client.parser_exc is None
    return [event for event in client.events_received() if isinstance(event, Frame)]


@pytest.mark.parametrize("id", IDS)
def test_a_result_is_the_same_message_under_every_id(id: str) -> None:
    result = Next(b'{"data":{"text":"\xc3\xa9"}}')
    for own in (id, *IDS):  # whichever was made before
        [frame] = read(result.frame(in_json(own)))
        assert (frame.opcode, frame.fin) == (Opcode.TEXT, True)
        assert json.loads(bytes(frame.data)) == {"id": own, "type": "next", "payload": {"data": {"text": "é"}}}
        assert bytes(frame.data) == result.message(in_json(own))


@pytest.mark.parametrize("length", LENGTHS)
def test_frames_around_the_lengths_at_which_their_headers_grow(length: int) -> None:
    id = in_json("1")
    empty = len(Next(b"").message(id))
    [frame, after] = read(Next(b"x" * (length - empty)).frame(id) + frames.text(b"y" * length))
    assert len(frame.data) == len(after.data) == length


def test_a_ping_carries_its_payload() -> None:
    [frame] = read(frames.ping(b"\x00\xff"))
    assert (frame.opcode, frame.data) == (Opcode.PING, b"\x00\xff")
