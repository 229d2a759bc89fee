"""Sockets make people present: what the WebSocket door tells of opening and closing."""

from app.api.credentials import Credentials
from app.services.messaging import presence


async def on_open(credentials: Credentials, socket_id: str) -> None:
    await presence.opened(credentials.actor, socket_id)


async def on_close(credentials: Credentials, socket_id: str) -> None:
    await presence.closed(credentials.actor, socket_id)
