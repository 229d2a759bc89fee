"""SMTP, spoken to a real server."""

import asyncio
import datetime
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import aiosmtplib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core.clock import now
from app.core.settings import settings
from app.integrations import smtp
from app.integrations.mail import Rejected
from tests.postoffice import PostOffice, post_office


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A way to set SMTP_URL for one test."""
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def point(environment: pytest.MonkeyPatch, office: PostOffice, scheme: str = "smtp", user: str = "") -> None:
    environment.setenv("SMTP_URL", f"{scheme}://{user}127.0.0.1:{office.port}")
    settings.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - datetime.timedelta(days=1))
        .not_valid_after(now() + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def message(to: str = "ada@example.com") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Atrium <no-reply@atrium.example>", to, "Good morning"
    made.set_content("Guten Morgen, 早上好 👋")
    return made


async def test_a_message_arrives_as_it_was_sent(use: pytest.MonkeyPatch) -> None:
    async with post_office() as office:
        point(use, office)
        await smtp.send(message())
    (arrived,) = office.messages
    assert arrived.get_content().strip() == "Guten Morgen, 早上好 👋"
    assert (arrived["To"], office.encrypted) == ("ada@example.com", [False])


@pytest.mark.parametrize("code", [421, 450, 452])
async def test_a_passing_refusal_may_be_tried_again(use: pytest.MonkeyPatch, code: int) -> None:
    async with post_office() as office:
        point(use, office)
        office.refusals.append(f"{code} later")
        with pytest.raises(aiosmtplib.SMTPException) as refused:
            await smtp.send(message())
        assert not isinstance(refused.value, Rejected)
        await smtp.send(message())
    assert len(office.messages) == 1


async def test_a_final_refusal_is_final(use: pytest.MonkeyPatch) -> None:
    async with post_office() as office:
        point(use, office)
        office.refusals.append("554 we do not want this")
        with pytest.raises(Rejected, match="we do not want this"):
            await smtp.send(message())
        office.refused_addresses["ada@example.com"] = "550 nobody of that name"
        with pytest.raises(Rejected, match="nobody of that name"):
            await smtp.send(message())
        office.refused_addresses["ada@example.com"] = "451 greylisted"
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await smtp.send(message())


async def test_a_server_that_is_away_may_come_back(use: pytest.MonkeyPatch) -> None:
    async with post_office() as office:
        point(use, office)
    with pytest.raises(OSError):
        await smtp.send(message())


async def test_a_server_that_says_nothing_is_given_up(use: pytest.MonkeyPatch) -> None:
    hung_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    use.setattr(smtp, "TIMEOUT", 0.2)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        point(use, PostOffice(port=silent.sockets[0].getsockname()[1]))
        with pytest.raises(TimeoutError):
            await smtp.send(message())
        await asyncio.wait_for(hung_up.wait(), 10)


async def test_encryption_is_used_when_it_is_offered(use: pytest.MonkeyPatch, certificate: Path) -> None:
    use.setenv("SSL_CERT_FILE", str(certificate))
    async with post_office(starttls=serving(certificate)) as office:
        point(use, office)
        await smtp.send(message())
    async with post_office(tls=serving(certificate)) as secure:
        point(use, secure, "smtps")
        await smtp.send(message())
    assert office.encrypted == [True]
    assert len(secure.messages) == 1


async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(use: pytest.MonkeyPatch, certificate: Path) -> None:
    async with post_office(starttls=serving(certificate)) as office, post_office(tls=serving(certificate)) as secure:
        for where, scheme in ((office, "smtp"), (secure, "smtps")):
            point(use, where, scheme)
            with pytest.raises((ssl.SSLError, aiosmtplib.SMTPException)) as refused:
                await smtp.send(message())
            assert not isinstance(refused.value, Rejected), "the administrator can mend it"
            assert not where.messages


async def test_a_password_is_never_sent_in_clear(use: pytest.MonkeyPatch) -> None:
    async with post_office() as office:
        point(use, office, user="atrium:s%40cret@")
        with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
            await smtp.send(message())
        assert not office.messages
