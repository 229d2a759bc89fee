"""ID-7: ID tokens of Firebase, verified with a certificate that a local server publishes."""

import base64
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pymongo.asynchronous.database import AsyncDatabase

from app.dev.children import Child
from tests.firebase import PROJECT, Firebase, claims, emulated, publishing
from tests.world import Person, Processes, World, free_port, ready

Store = AsyncDatabase[dict[str, Any]]

SERVE = "import sys; from firebase_admin import _token_gen as t; t.ID_TOKEN_CERT_URI = sys.argv.pop(1)"
SERVE += "; from app.cli import main; main()"


@dataclass
class App:
    """The site of an Atrium with a Firebase project."""

    site: World

    async def sign_in(self, token: str) -> dict[str, Any]:
        answer = await Person(self.site, "Anybody", "").call("signInWithFirebase", input={"idToken": token})
        return dict(answer)


@pytest.fixture(scope="module")
def firebase() -> Iterator[Firebase]:
    with publishing() as firebase:
        yield firebase


@pytest.fixture(scope="module")
async def app(world: World, processes: Processes, firebase: Firebase) -> AsyncIterator[App]:
    port = free_port()
    environment = {name: v for name, v in processes.environment.items() if name != "FIREBASE_AUTH_EMULATOR_HOST"}
    command = [sys.executable, "-c", SERVE, firebase.url, "serve", "--port", str(port)]
    child = Child("firebase", command, processes.directory, environment=environment)
    child.start()
    await ready(url := f"http://127.0.0.1:{port}")
    async with httpx.AsyncClient(timeout=30) as http:
        yield App(World(url, http))
    child.stop()


async def test_somebody_new_gets_an_account_once(app: App, firebase: Firebase) -> None:
    first = await app.sign_in(firebase.token(sub="fiona", email="Fiona@Example.com"))
    assert (first["__typename"], first["user"]["name"]) == ("SignedIn", "Fiona")
    assert first["user"]["email"] == "fiona@example.com"
    again = await app.sign_in(firebase.token(sub="fiona", email="another@example.com"))
    assert again["user"]["id"] == first["user"]["id"]
    fiona = Person(app.site, "Fiona", "", token=again["accessToken"])
    assert [one["provider"] for one in (await fiona.call("waysToSignIn"))["identities"]] == ["FIREBASE"]


async def test_an_account_is_linked_by_a_proved_address_only(app: App, firebase: Firebase, world: World) -> None:
    grace, stranger = [await world.person(name) for name in ("Grace", "Stranger")]
    await grace.prove()
    assert (await app.sign_in(firebase.token(email=grace.email)))["user"]["id"] == grace.id
    for email, verified, code in (
        (stranger.email, True, "EMAIL_NOT_VERIFIED_HERE"),
        (grace.email, False, "NO_VERIFIED_EMAIL"),
        (..., ..., "NO_VERIFIED_EMAIL"),
    ):
        assert (await app.sign_in(firebase.token(email=email, email_verified=verified)))["code"] == code


LIES: list[dict[str, Any]] = [
    {"exp": 1_000_000_000, "iat": 999_999_000},
    {"iat": 4_000_000_000},
    {"aud": "another-project"},
    {"iss": "https://securetoken.google.com/another-project"},
    {"iss": "https://session.firebase.google.com/demo-atrium"},
    {"sub": ""},
    {"sub": "x" * 129},
    *({name: ...} for name in ("exp", "iat", "aud", "iss", "sub")),
]


@pytest.mark.parametrize("said", LIES, ids=repr)
async def test_a_token_for_others_or_another_time_is_refused(
    app: App, firebase: Firebase, said: dict[str, Any]
) -> None:
    assert (await app.sign_in(firebase.token(**said)))["code"] == "BAD_FIREBASE_TOKEN"


async def test_a_token_that_firebase_did_not_sign_is_refused(app: App, firebase: Firebase) -> None:
    good, other = firebase.token(), generate_private_key(65537, 2048)
    forged = [
        emulated(),
        firebase.token(key=other),
        firebase.token(kid="unknown"),
        jwt.encode(claims(), firebase.certificate.replace("CERTIFICATE", "x"), "HS256", {"kid": "first"}),
        f"{good[:-6]}AAAAAA",
        good.rpartition(".")[0] + ".",
        "",
        "a.b.c",
        *[f"{good.partition('.')[0]}.{base64.urlsafe_b64encode(b'[' * 7_000).decode()}.x"] * 6,
        "\u0000",
        "x" * 10_000,
    ]
    for token in forged:
        assert (await app.sign_in(token))["code"] == "BAD_FIREBASE_TOKEN", token
    assert (await app.sign_in(firebase.token()))["__typename"] == "SignedIn", "strangers keep nobody out"


async def test_the_certificate_is_fetched_once(app: App, firebase: Firebase) -> None:
    await app.sign_in(firebase.token())
    fetched = firebase.fetched
    for _ in range(5):
        assert (await app.sign_in(firebase.token()))["__typename"] == "SignedIn"
    assert firebase.fetched == fetched


async def test_beside_the_emulator_too_a_token_ends(world: World) -> None:
    """The emulator's verifier looks at no times; unsigned tokens are for development only."""
    anybody = Person(world, "Anybody", "")
    signed_in = await anybody.call("signInWithFirebase", input={"idToken": emulated()})
    assert signed_in["__typename"] == "SignedIn"
    over = emulated(exp=1_000_000_000, iat=999_999_000)
    assert (await anybody.call("signInWithFirebase", input={"idToken": over}))["code"] == "BAD_FIREBASE_TOKEN"
    assert PROJECT.startswith("demo-"), "of no project that exists"
