"""Reads from a MongoDB that asks who they are, over TLS and compressed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.core.database import Document
from app.dev.embedded import MongoNode
from tests.core.queries.clients import by_cursor, outcome, straight, watched

USER = {"username": "reader", "password": "for-tests-only"}


class SecuredMongo(MongoNode):
    """A server that takes nothing but TLS, and nobody without a password."""

    name = "secured-mongod"

    @property
    def uri(self) -> str:
        return f"mongodb://localhost:{self.port}/?directConnection=true"

    @property
    def tls(self) -> dict[str, Any]:
        return {"tls": True, "tlsCAFile": str(self.directory / "ca.pem")}

    def _command(self) -> list[str]:
        certify(self.directory)
        command = super()._command()
        command[command.index("--replSet") : command.index("--replSet") + 2] = ["--auth"]
        return [*command, "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(self.directory / "server.pem")]

    def _answers(self) -> bool:
        with pymongo.MongoClient[Document](self.uri, serverSelectionTimeoutMS=500, **self.tls) as client:
            try:
                client.admin.command("createUser", USER["username"], pwd=USER["password"], roles=["root"])
            except pymongo.errors.PyMongoError:
                return False
            return True


def certify(directory: Path) -> None:
    """Write `ca.pem`, and `server.pem` that it signed, for localhost and a day."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("tests", "localhost")]
    now = datetime.now(UTC)
    made = []
    for number in range(2):
        builder = x509.CertificateBuilder(
            issuer_name=names[0],
            subject_name=names[number],
            public_key=keys[number].public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(hours=1),
            not_valid_after=now + timedelta(days=1),
        ).add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        if number:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.pem").write_bytes(made[0])
    (directory / "server.pem").write_bytes(secret + made[1])


@pytest.fixture(scope="module")
async def secured(server_directory: Path) -> AsyncIterator[SecuredMongo]:
    with SecuredMongo(server_directory / "secured") as server:
        yield server


@pytest.mark.parametrize(
    "options",
    [
        {"authMechanism": "SCRAM-SHA-256"},
        {"authMechanism": "SCRAM-SHA-1"},
        {"server_api": pymongo.server_api.ServerApi("1", strict=True)},
    ],
    ids=["SCRAM-SHA-256", "SCRAM-SHA-1", "Stable API"],
)
async def test_reads_go_through_every_door_of_the_client(secured: SecuredMongo, options: dict[str, Any]) -> None:
    async with watched(secured.uri, **USER, **secured.tls, **options) as mongo:
        await mongo.rows.delete_many({})
        await mongo.rows.insert_many([{"_id": number, "text": "x" * 20_000} for number in range(200)])
        found = await straight(mongo.rows, {}, sort={"_id": 1})  # more than a TLS record, or a read of the socket
        assert mongo.commands.straight
        assert found == await by_cursor(mongo.rows, {}, sort={"_id": 1})
        assert ("apiVersion" in mongo.commands.sent[0]) == ("server_api" in options)
        assert await mongo.idle()


async def test_a_compressed_question_gets_a_compressed_answer(secured: SecuredMongo) -> None:
    async with watched(secured.uri, **USER, **secured.tls, compressors="zlib") as mongo:

        async def compressed() -> int:
            status = await mongo.client.admin.command("serverStatus")
            size: int = status["network"]["compression"]["zlib"]["compressor"]["bytesIn"]
            return size

        await mongo.rows.delete_many({})
        await mongo.rows.insert_one({"_id": 1, "text": "x" * 2_000_000})
        before = await compressed()
        assert await straight(mongo.rows, {}) == [{"_id": 1, "text": "x" * 2_000_000}]
        assert await compressed() - before > 2_000_000


async def test_who_has_no_right_to_read_is_told_so_with_the_same_words(secured: SecuredMongo) -> None:
    for wrong in ({}, {**USER, "password": "wrong"}):
        async with watched(secured.uri, **secured.tls, **wrong) as mongo:
            refused = await outcome(straight(mongo.rows, {}))
            assert refused == await outcome(by_cursor(mongo.rows, {}))
            assert refused[0] is pymongo.errors.OperationFailure
            assert await mongo.idle()
