"""ID-7: signing in at Google, as `emulate` plays it: a real OpenID Connect server."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pyotp import TOTP

from app.core.clock import now
from app.dev.children import Child
from tests.clients import installation
from tests.world import PASSWORD, Person, Processes, World, free_port, ready, until

Store = AsyncDatabase[dict[str, Any]]
Data = dict[str, Any]

EMULATORS = Path(__file__).parents[1] / "emulators"
CLIENT, SECRET = "atrium.apps.googleusercontent.com", "GOCSPX-for-tests"

NOT_OURS = ["https://evil.example/back", "javascript:alert(1)", "", "//x", "{url}.evil.example/", "{url}/#x"]
NOT_OURS += ["{url}@evil.example/", "https://evil.example/{url}", "{url}0/back", "http://[", "{url}\\@evil.example"]


@dataclass
class Google:
    """The site of an Atrium that is a client of Google, and people who have accounts there."""

    site: World
    http: httpx.AsyncClient
    gina: str
    """The address of somebody whom nobody here knows."""
    ada: str
    """Of somebody who has an account here, with the same address, and has proved that."""
    eve: str
    """Of somebody who has an account here, with the same address, which was never proved."""
    ned: str
    """Of somebody whose address Google has not verified."""

    @property
    def back(self) -> str:
        return f"{self.site.url}/back"

    def anybody(self) -> Person:
        return Person(self.site, "Anybody", "")

    async def begin(self, person: Person, **more: Any) -> Data:
        return dict(await person.call("beginOAuth", input={"provider": "GOOGLE", "redirectUri": self.back, **more}))

    async def visit(self, url: str, email: str) -> Data:
        """Choose an account on Google's page, and come back: the code and the state."""
        assert (await self.http.get(url)).status_code == 200
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        place = f"{parts.scheme}://{parts.netloc}{parts.path}/callback"
        back = (await self.http.post(place, data={**asked, "email": email})).headers["location"]
        assert back.startswith(self.back)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    async def sign_in(self, email: str, person: Person | None = None, verb: str = "finishOAuth", **begun: Any) -> Data:
        """All the way."""
        person = person or self.anybody()
        token, url = await self._begun(person, **begun)
        return dict(await person.call(verb, input={"token": token, **await self.visit(url, email)}))

    async def _begun(self, person: Person, **more: Any) -> tuple[str, str]:
        begun = await self.begin(person, **more)
        return begun["token"], begun["url"]


@pytest.fixture(scope="module")
async def google(world: World, processes: Processes, store: Store) -> AsyncIterator[Google]:
    names = {name: f"{name}.{secrets.token_hex(4)}@example.com" for name in ("gina", "ada", "eve", "ned")}
    port, own = free_port(), free_port()
    users = [{"email": email, "name": name.title(), "email_verified": name != "ned"} for name, email in names.items()]
    url = f"http://127.0.0.1:{own}"
    clients = [{"client_id": CLIENT, "client_secret": SECRET, "name": "Atrium", "redirect_uris": [f"{url}/back"]}]
    job = json.dumps({"port": port, "seed": {"users": users, "oauth_clients": clients}})
    node = installation.node(EMULATORS)
    emulator = Child("google", [node, str(EMULATORS / "google.mjs"), job], processes.directory)
    emulator.start()
    environment = {**processes.environment, "PUBLIC_URL": url, "GOOGLE_ISSUER": f"http://127.0.0.1:{port}"}
    environment |= {"GOOGLE_CLIENT_ID": CLIENT, "GOOGLE_CLIENT_SECRET": SECRET}
    child = Processes(processes.directory, store.name, **environment).start("oauth", "serve", "--port", str(own))
    await ready(url)
    async with httpx.AsyncClient(timeout=30) as http:
        await until(lambda: _answers(http, f"http://127.0.0.1:{port}/.well-known/openid-configuration"))
        google = Google(World(url, http, store=store), http, **names)
        for name in ("ada", "eve"):
            given = {"email": names[name], "password": PASSWORD, "name": name.title()}
            assert "code" not in await google.anybody().call("register", input=given)
        await store["users"].update_one({"email": names["ada"]}, {"$set": {"email_verified_at": now()}})
        yield google
    child.stop()
    emulator.stop()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False


async def _identities(store: Store, email: str) -> int:
    user = await store["users"].find_one({"email": email})
    return 0 if user is None else await store["identities"].count_documents({"user_id": user["_id"]})


async def test_somebody_new_gets_an_account_once(google: Google, store: Store) -> None:
    first = await google.sign_in(google.gina)
    assert (first["__typename"], first["user"]["name"], first["user"]["email"]) == ("SignedIn", "Gina", google.gina)
    assert (await google.sign_in(google.gina))["user"]["id"] == first["user"]["id"]
    gina = Person(google.site, "Gina", google.gina, token=first["accessToken"])
    assert (await gina.call("me"))["id"] == first["user"]["id"]
    ways = await gina.call("waysToSignIn")
    assert (ways["password"], ways["passkeys"]) == (False, [])
    assert [(one["provider"], one["email"]) for one in ways["identities"]] == [("GOOGLE", google.gina)]
    stored = await store["users"].find_one({"email": google.gina})
    assert stored
    assert stored["email_verified_at"]
    only = ways["identities"][0]["id"]
    assert (await gina.call("unlinkIdentity", input={"identityId": only}))["code"] == "LAST_WAY_TO_SIGN_IN"


async def test_an_account_is_linked_by_an_address_that_both_know_to_be_theirs(google: Google, store: Store) -> None:
    ada = Person(google.site, "Ada", google.ada)
    await ada.sign_in()
    assert (await google.sign_in(google.ada))["user"]["id"] == ada.id
    assert await _identities(store, google.ada) == 1
    mine = (await ada.call("waysToSignIn"))["identities"][0]["id"]
    other = await google.sign_in(google.gina)
    gina = Person(google.site, "Gina", google.gina, token=other["accessToken"])
    assert (await gina.call("unlinkIdentity", input={"identityId": mine}))["code"] == "NOT_FOUND"
    assert (await ada.call("unlinkIdentity", input={"identityId": mine}))["id"] == mine
    assert await _identities(store, google.ada) == 0


async def test_an_address_that_was_never_proved_here_links_nothing(google: Google, store: Store) -> None:
    refused = await google.sign_in(google.eve)
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "EMAIL_NOT_VERIFIED_HERE")
    assert await _identities(store, google.eve) == 0


async def test_an_address_that_is_not_verified_there_makes_and_links_nothing(google: Google, store: Store) -> None:
    assert (await google.sign_in(google.ned))["code"] == "NO_VERIFIED_EMAIL"
    assert await store["users"].find_one({"email": google.ned}) is None
    given = {"email": google.ned, "password": PASSWORD, "name": "Ned"}
    await google.anybody().call("register", input=given)
    await store["users"].update_one({"email": google.ned}, {"$set": {"email_verified_at": now()}})
    assert (await google.sign_in(google.ned))["code"] == "NO_VERIFIED_EMAIL"
    assert await _identities(store, google.ned) == 0


async def test_who_is_signed_in_links_what_they_like(google: Google, store: Store) -> None:
    kim = await google.site.person("Kim")
    unproved = await google.sign_in(google.eve, kim, "linkIdentity", link=True)
    assert unproved["code"] == "VERIFY_EMAIL_FIRST"
    await kim.prove()
    identity = await google.sign_in(google.eve, kim, "linkIdentity", link=True)
    assert (identity["provider"], identity["email"]) == ("GOOGLE", google.eve)
    assert (await google.sign_in(google.eve))["user"]["id"] == kim.id
    lee = await google.site.person("Lee")
    await lee.prove()
    assert (await google.sign_in(google.eve, lee, "linkIdentity", link=True))["code"] == "IDENTITY_TAKEN"
    assert (await google.sign_in(google.eve, kim, "linkIdentity", link=True))["id"] == identity["id"]
    assert (await kim.call("unlinkIdentity", input={"identityId": identity["id"]}))["id"] == identity["id"]
    assert await _identities(store, kim.email) == 0


async def test_who_has_a_second_factor_needs_it_here_too(google: Google) -> None:
    kim = await google.site.person("Kim")
    await kim.prove()
    await google.sign_in(google.ned, kim, "linkIdentity", link=True)
    secret = await kim.enrol()
    asked = await google.sign_in(google.ned)
    assert (asked["__typename"], asked["code"]) == ("SecondFactorRequired", "SECOND_FACTOR_REQUIRED")
    answer = {"token": asked["token"], "way": "TOTP", "secret": TOTP(secret).at(int(time.time()) + 30)}
    assert (await google.anybody().call("completeSignIn", input=answer))["user"]["id"] == kim.id


async def test_what_was_begun_by_others_or_for_something_else_is_refused(google: Google) -> None:
    kim, lee = [await google.site.person(name) for name in ("Kim", "Lee")]
    begun = await google.begin(kim, link=True)
    given = {"token": begun["token"], **await google.visit(begun["url"], google.gina)}
    assert (await lee.call("linkIdentity", input=given))["code"] == "OAUTH_REFUSED"
    assert (await kim.call("linkIdentity", input=given))["code"] == "TICKET_OVER"
    for verb, link in (("finishOAuth", True), ("linkIdentity", False)):
        begun = await google.begin(kim, link=link)
        given = {"token": begun["token"], **await google.visit(begun["url"], google.gina)}
        assert (await kim.call(verb, input=given))["code"] == "OAUTH_REFUSED"
    assert await google.anybody().refused("beginOAuth", input={**_asked(google), "link": True}) == "UNAUTHENTICATED"


async def test_a_return_belongs_to_the_client_that_began(google: Google) -> None:
    """Who lures somebody to the address of a sign-in of their own gets nowhere: the token is in no address."""
    mine, theirs = [await google.begin(google.anybody()) for _ in range(2)]
    assert theirs["token"] not in theirs["url"]
    lured = await google.visit(theirs["url"], google.gina)
    assert (await google.anybody().call("finishOAuth", input={"token": mine["token"], **lured}))[
        "code"
    ] == "OAUTH_REFUSED"


async def test_a_return_is_good_once(google: Google) -> None:
    begun = await google.begin(google.anybody())
    given = {"token": begun["token"], **await google.visit(begun["url"], google.gina)}
    answers = await asyncio.gather(*(google.anybody().call("finishOAuth", input=given) for _ in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidError"] * 19 + ["SignedIn"]


async def test_first_sign_ins_at_once_make_one_account(google: Google, store: Store) -> None:
    user = await store["users"].find_one({"email": google.gina})
    if user:
        await store["users"].delete_one({"_id": user["_id"]})
        await store["identities"].delete_many({"user_id": user["_id"]})
    answers = await asyncio.gather(*(google.sign_in(google.gina) for _ in range(5)))
    assert len({answer["user"]["id"] for answer in answers}) == 1
    assert await store["users"].count_documents({"email": google.gina}) == 1
    assert await _identities(store, google.gina) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/back",
        "javascript:alert(1)",
        "",
        "//x",
        "{url}.evil.example/",
        "{url}@evil.example/",
        "{url}/#x",
    ],
)
async def test_nobody_is_sent_back_to_a_page_that_is_not_ours(google: Google, uri: str) -> None:
    asked = {**_asked(google), "redirectUri": uri.format(url=google.site.url)}
    refused = await google.anybody().call("beginOAuth", input=asked)
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", "redirectUri"])


@pytest.mark.parametrize("provider", ["FACEBOOK", "LINKEDIN", "FIREBASE"])
async def test_what_is_not_set_up_is_not_offered(google: Google, provider: str) -> None:
    asked = {**_asked(google), "provider": provider}
    assert (await google.anybody().call("beginOAuth", input=asked))["code"] == "PROVIDER_NOT_OFFERED"


async def test_a_wrong_code_or_state_is_refused_and_tells_nothing(google: Google) -> None:
    for part in ("code", "state"):
        begun = await google.begin(google.anybody())
        came = await google.visit(begun["url"], google.gina)
        given = {"token": begun["token"], **came, part: "another"}
        refused = await google.anybody().call("finishOAuth", input=given)
        assert refused["code"] == "OAUTH_REFUSED", part
        assert "another" not in refused["message"]
    assert ObjectId.is_valid(begun["token"].partition(".")[0])


async def test_codes_that_nobody_can_send_on_keep_nobody_out(google: Google) -> None:
    """They are refused before the provider could seem to be sick."""
    for _ in range(6):
        begun = await google.begin(google.anybody())
        for part in ("code", "state"):
            given = {"token": begun["token"], "code": "x", "state": "x", part: "é"}
            refused = await google.anybody().call("finishOAuth", input=given)
            assert (refused["code"], refused["path"]) == ("INVALID", ["input", part])
    assert (await google.sign_in(google.gina))["__typename"] == "SignedIn"


def _asked(google: Google) -> Data:
    return {"provider": "GOOGLE", "redirectUri": google.back}
