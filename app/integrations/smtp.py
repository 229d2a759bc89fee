"""Outgoing e-mail, over SMTP (RFC 5321)."""

from email.message import EmailMessage
from urllib.parse import unquote

import aiosmtplib

from app.core.jobs import Permanent
from app.core.outside import Outside
from app.core.settings import SmtpUrl, settings

TIMEOUT = 15.0
"""Seconds for the connection and for each answer."""


class Rejected(Permanent):
    """The server will never take this message, or never for this address."""


# The whole takes less than a job may, so that a slow server is the server's failure and not the job's.
SERVER = Outside("smtp", timeout=25, concurrency=8, refusals=(Rejected, aiosmtplib.SMTPRecipientsRefused))


async def send(message: EmailMessage) -> None:
    """Hand a message to the server that SMTP_URL names.

    `smtps` is encrypted from the start; `smtp` is as soon as the server offers it (STARTTLS), and must be before a
    password is sent. Raises Rejected for what another attempt would not change, Away while the server is left alone;
    any other error may pass.
    """
    async with SERVER.call():
        await _deliver(message, settings().smtp_url)


async def _deliver(message: EmailMessage, url: SmtpUrl) -> None:
    assert url.host, "the settings require one"
    try:
        await aiosmtplib.send(
            message,
            hostname=url.host.strip("[]"),
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=True if url.password and url.scheme == "smtp" else None,
            timeout=TIMEOUT,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(_final(one) for one in error.recipients):
            raise Rejected(str(error)) from error
        raise
    except aiosmtplib.SMTPDataError as error:
        if _final(error):
            raise Rejected(str(error)) from error
        raise
    except aiosmtplib.SMTPNotSupported as error:  # an address that this server cannot write to
        raise Rejected(str(error)) from error


def _final(error: aiosmtplib.SMTPResponseException) -> bool:
    return 500 <= error.code < 600
