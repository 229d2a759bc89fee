"""Outgoing e-mail, over SMTP (RFC 5321)."""

from contextlib import suppress
from email.message import EmailMessage
from urllib.parse import unquote

import aiosmtplib

from app.core.outside import Outside
from app.core.settings import SmtpUrl, settings
from app.integrations.mail import InDoubt, Rejected

TIMEOUT = 15.0
"""Seconds for the connection and for each answer."""

# The whole takes less than a job may, so that a slow server is the server's failure and not the job's.
SERVER = Outside("smtp", timeout=25, concurrency=8, refusals=(Rejected, aiosmtplib.SMTPRecipientsRefused))


async def send(message: EmailMessage) -> None:
    """Hand a message to the server that SMTP_URL names.

    `smtps` is encrypted from the start; `smtp` is as soon as the server offers it (STARTTLS), and must be before a
    password is sent. Raises Rejected for what another attempt would not change, InDoubt, Away while the server is left
    alone; any other error may pass, and says that the server has not taken the message.
    """
    try:
        async with SERVER.call():
            await _deliver(message, settings().smtp_url)
    except aiosmtplib.SMTPConnectTimeoutError:
        raise
    except TimeoutError as error:  # of the call as a whole
        raise InDoubt("no answer in time") from error


async def _deliver(message: EmailMessage, url: SmtpUrl) -> None:
    assert url.host, "the settings require one"
    client = aiosmtplib.SMTP(
        hostname=url.host.strip("[]"),
        port=url.port,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        use_tls=url.scheme == "smtps",
        start_tls=True if url.password and url.scheme == "smtp" else None,
        timeout=TIMEOUT,
    )
    await client.connect()
    try:
        await _hand_over(client, message)
        with suppress(aiosmtplib.SMTPException, OSError):  # it was taken, whatever becomes of the farewell
            await client.quit()
    finally:
        client.close()


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage) -> None:
    try:
        await client.send_message(message)
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(_final(one) for one in error.recipients):
            raise Rejected(str(error), address=True) from error
        raise
    except aiosmtplib.SMTPResponseException as error:
        if isinstance(error, aiosmtplib.SMTPDataError) and _final(error):
            raise Rejected(str(error)) from error
        raise
    except aiosmtplib.SMTPNotSupported as error:  # an address that this server cannot write to
        raise Rejected(str(error), address=True) from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise InDoubt(repr(error)) from error


def _final(error: aiosmtplib.SMTPResponseException) -> bool:
    return 500 <= error.code < 600
