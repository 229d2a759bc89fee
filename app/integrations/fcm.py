"""Firebase Cloud Messaging, by Firebase's own client (https://firebase.google.com/docs/cloud-messaging/send/v1-api)."""

import asyncio
from functools import cache
from typing import Any

from app.core.outside import Outside
from app.core.settings import settings


class Gone(Exception):
    """There is no such installation of the app any more."""


class Rejected(Exception):
    """The message will never be taken."""


SERVER = Outside("fcm", timeout=15, concurrency=16, refusals=(Gone, Rejected))


def configured() -> bool:
    """Whether there is a project by which to reach apps."""
    return settings().firebase_credentials is not None


async def send(fid: str, title: str, text: str, data: dict[str, str]) -> str:
    """Show a message by an installation of the app, and answer what Firebase calls it.

    Raises Gone, Rejected, Away while Firebase is left alone; any other error may pass.
    """
    from firebase_admin import messaging  # large, and of use only where there is a project
    from firebase_admin.exceptions import FirebaseError, InvalidArgumentError

    message = messaging.Message(fid=fid, notification=messaging.Notification(title, text), data=data)
    async with SERVER.call():
        await _authorize()
        [answer] = (await messaging.send_each_async([message], app=_app())).responses
        match answer.exception:
            case None:
                return str(answer.message_id)
            case messaging.UnregisteredError() | messaging.SenderIdMismatchError():
                raise Gone
            case InvalidArgumentError() as error:
                raise Rejected(str(error)[:200])
            case FirebaseError() as error:
                raise error
            case error:
                raise RuntimeError(repr(error)[:200])


async def _authorize() -> None:
    """Have a token that is good: Firebase's client would wait for a new one with the whole process."""
    from google.auth.transport.requests import Request

    credential = _app().credential.get_credential()
    if not credential.valid:
        await asyncio.to_thread(credential.refresh, Request())


@cache
def _app() -> Any:
    import firebase_admin
    from firebase_admin import credentials

    account = credentials.Certificate(str(settings().firebase_credentials))
    return firebase_admin.initialize_app(account, {"httpTimeout": 10}, name="messages")
