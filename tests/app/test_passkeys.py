"""ID-8: passkeys, in a real browser and by a device that does what no browser would."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from bson import ObjectId
from playwright.async_api import CDPSession, Page
from pymongo.asynchronous.database import AsyncDatabase
from webauthn.helpers import bytes_to_base64url

from tests.browser import chromium
from tests.passkeys import PRESENT, Device
from tests.world import Person, Processes, World, free_port, ready

Store = AsyncDatabase[dict[str, Any]]
Data = dict[str, Any]

PAGE = """<!doctype html><title>Passkeys</title><script>
const ask = async (query, variables, token) => {
  const headers = {"content-type": "application/json", ...(token && {authorization: `Bearer ${token}`})};
  const answer = await fetch("/graphql", {method: "POST", headers, body: JSON.stringify({query, variables})});
  return Object.values((await answer.json()).data)[0];
};
const register = async (token) => {
  const begun = await ask("mutation { beginPasskey { ... on PasskeyChallenge { token options } } }", {}, token);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(begun.options));
  const credential = JSON.stringify(await navigator.credentials.create({publicKey}));
  return ask(`mutation($input: AddPasskeyInput!) { addPasskey(input: $input) {
    __typename ... on Passkey { id name synchronized } ... on InvalidError { code } } }`,
    {input: {token: begun.token, credential, name: "Laptop"}}, token);
};
const signIn = async () => {
  const begun = await ask("mutation { beginPasskeySignIn { ... on PasskeyChallenge { token options } } }");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(begun.options));
  const credential = JSON.stringify(await navigator.credentials.get({publicKey}));
  return ask(`mutation($input: SignInWithPasskeyInput!) { signInWithPasskey(input: $input) {
    __typename ... on SignedIn { accessToken user { id } } ... on InvalidError { code } } }`,
    {input: {token: begun.token, credential}});
};
</script>"""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
async def people(world: World) -> list[Person]:
    """Three who have proved their addresses."""
    people = [await world.person(name) for name in ("Olivia", "Ada", "Grace")]
    for person in people:
        await person.prove()
    return people


@pytest.fixture(autouse=True)
async def none_yet(store: Store) -> None:
    """Nobody has a passkey: a person has twenty at most."""
    await store["passkeys"].delete_many({})


@pytest.fixture(scope="module")
async def site(world: World, processes: Processes, store: Store) -> AsyncIterator[World]:
    """The same Atrium under a name: an address cannot have passkeys in a browser."""
    port = free_port()
    url = f"http://localhost:{port}"
    named = Processes(processes.directory, store.name, **{**processes.environment, "PUBLIC_URL": url})
    child = named.start("passkeys", "serve", "--port", str(port))
    await ready(f"http://127.0.0.1:{port}")
    async with httpx.AsyncClient(timeout=30) as http:
        yield World(f"http://127.0.0.1:{port}", http)
    child.stop()


@pytest.fixture
async def page(site: World) -> AsyncIterator[Page]:
    url = site.url.replace("127.0.0.1", "localhost")
    async with chromium() as browser:
        page = await browser.new_page()
        await page.route(f"{url}/page", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        await page.goto(f"{url}/page")
        yield page


async def _authenticator(page: Page, **changed: Any) -> tuple[CDPSession, str]:
    devices = await page.context.new_cdp_session(page)
    await devices.send("WebAuthn.enable")
    added = await devices.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **changed}})
    return devices, added["authenticatorId"]


async def test_a_browser_registers_a_passkey_and_signs_in_with_it(
    site: World, people: list[Person], page: Page
) -> None:
    ada = await people[1].again(site)
    devices, authenticator = await _authenticator(page)
    added = await page.evaluate("token => register(token)", ada.token)
    assert (added["__typename"], added["name"]) == ("Passkey", "Laptop")
    stored = await devices.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
    assert [one["isResidentCredential"] for one in stored["credentials"]] == [True]
    signed_in = await page.evaluate("() => signIn()")
    assert signed_in["user"]["id"] == ada.id
    assert jwt.decode(signed_in["accessToken"], options={"verify_signature": False})["acr"] == "2"
    ada.token = signed_in["accessToken"]
    assert (await ada.call("me"))["id"] == ada.id
    again = await page.evaluate("() => signIn()")
    assert again["user"]["id"] == ada.id
    ways = await ada.call("waysToSignIn", depth=2)
    mine = next(one for one in ways["passkeys"] if one["id"] == added["id"])
    assert mine["usedAt"]
    removed = await ada.call("removePasskey", input={"passkeyId": added["id"]})
    assert removed["id"] == added["id"]
    assert (await page.evaluate("() => signIn()"))["code"] == "BAD_PASSKEY"


async def test_a_device_that_does_not_ask_who_uses_it_has_no_passkey(
    site: World, people: list[Person], page: Page
) -> None:
    ada = await people[1].again(site)
    await _authenticator(page, hasUserVerification=False, isUserVerified=False)
    told = await page.evaluate("token => register(token).catch(error => error.name)", ada.token)
    assert told in ("NotAllowedError", "NotSupportedError", "ConstraintError")


def _device(world: World, **changed: Any) -> Device:
    return Device(**{"origin": world.url, "domain": "127.0.0.1", **changed})


async def _add(person: Person, device: Device, name: str = "Key") -> Data:
    begun = await person.call("beginPasskey")
    made = device.make(begun["options"])
    given = {"token": begun["token"], "credential": made, "name": name}
    return dict(await person.call("addPasskey", input=given))


async def _sign_in(person: Person, device: Device, **changed: Any) -> Data:
    anybody = Person(person.world, "Anybody", "")
    begun = await anybody.call("beginPasskeySignIn")
    given = {"token": begun["token"], "credential": device.sign(begun["options"], **changed)}
    return dict(await anybody.call("signInWithPasskey", input=given))


async def test_passkeys_are_named_renamed_and_only_their_persons(people: list[Person]) -> None:
    ada, grace = people[1], people[2]
    added = await _add(ada, _device(ada.world), "Phone")
    given = {"passkeyId": added["id"], "name": "Old phone"}
    assert (await grace.call("renamePasskey", input=given))["code"] == "NOT_FOUND"
    assert (await grace.call("removePasskey", input={"passkeyId": added["id"]}))["code"] == "NOT_FOUND"
    assert (await ada.call("renamePasskey", input=given))["name"] == "Old phone"
    assert added["id"] not in [one["id"] for one in (await grace.call("waysToSignIn"))["passkeys"]]


@pytest.mark.parametrize(
    "changed", [{"origin": "https://evil.example"}, {"domain": "evil.example"}, {"flags": PRESENT}, {"flags": 0x04}]
)
async def test_what_was_made_elsewhere_or_for_nobody_is_refused(people: list[Person], changed: Data) -> None:
    ada = people[1]
    assert (await _add(ada, _device(ada.world, **changed)))["code"] == "BAD_PASSKEY"
    device = _device(ada.world)
    await _add(ada, device)
    vars(device).update(changed)
    assert (await _sign_in(ada, device))["code"] == "BAD_PASSKEY"


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("value", ["", "AAAA", "\u0000", "x" * 5_000])
async def test_nothing_in_an_answer_can_be_replaced(people: list[Person], part: str, value: str) -> None:
    device = _device(people[1].world)
    await _add(people[1], device)
    assert (await _sign_in(people[1], device))["__typename"] == "SignedIn"
    if (part, value) == ("userHandle", ""):
        return  # browsers may leave it out
    assert (await _sign_in(people[1], device, **{part: value}))["code"] == "BAD_PASSKEY"


@pytest.mark.parametrize("credential", ["", "{", "[]", "null", "{}", '{"id": {"$gt": ""}}', "x" * 20_000])
async def test_what_is_no_answer_is_refused(people: list[Person], credential: str) -> None:
    ada = people[1]
    for begin, end in (("beginPasskey", "addPasskey"), ("beginPasskeySignIn", "signInWithPasskey")):
        token = (await ada.call(begin))["token"]
        assert (await ada.call(end, input={"token": token, "credential": credential}))["code"] == "BAD_PASSKEY"


async def test_a_challenge_is_good_once_for_its_person_and_its_purpose(people: list[Person]) -> None:
    ada, grace, device = people[1], people[2], _device(people[1].world)
    await _add(ada, device)
    begun = await ada.call("beginPasskeySignIn")
    given = {"token": begun["token"], "credential": device.sign(begun["options"])}
    answers = await asyncio.gather(*(ada.call("signInWithPasskey", input=given) for _ in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidError"] * 19 + ["SignedIn"]
    assert {answer["code"] for answer in answers if "code" in answer} == {"TICKET_OVER"}
    begun = await ada.call("beginPasskey")
    given = {"token": begun["token"], "credential": _device(ada.world).make(begun["options"])}
    assert (await grace.call("addPasskey", input=given))["code"] == "BAD_PASSKEY"
    assert (await ada.call("addPasskey", input=given))["code"] == "TICKET_OVER"
    begun = await ada.call("beginPasskey")  # a challenge to register is none to sign in with
    given = {"token": begun["token"], "credential": device.sign(begun["options"])}
    assert (await ada.call("signInWithPasskey", input=given))["code"] == "BAD_PASSKEY"


async def test_a_copy_of_a_key_shows_by_its_count(people: list[Person], store: Store) -> None:
    ada, device = people[1], _device(people[1].world)
    id = (await _add(ada, device))["id"]
    assert (await _sign_in(ada, device))["__typename"] == "SignedIn"
    device.count -= 1
    assert (await _sign_in(ada, device))["code"] == "BAD_PASSKEY"
    begun = [await ada.call("beginPasskeySignIn") for _ in range(10)]
    given = []
    for one in begun:
        given.append({"token": one["token"], "credential": device.sign(one["options"])})
        device.count -= 1
    device.count += 1
    answers = await asyncio.gather(*(ada.call("signInWithPasskey", input=one) for one in given))
    assert [answer["__typename"] for answer in answers].count("SignedIn") == 1
    assert (await _sign_in(ada, device))["__typename"] == "SignedIn"
    stored = await store["passkeys"].find_one({"_id": ObjectId(id.partition("_")[2])})
    assert stored
    assert stored["sign_count"] == device.count


async def test_a_passkey_proves_again_who_one_is(people: list[Person]) -> None:
    ada, grace, device = people[1], people[2], _device(people[1].world)
    plain = await ada.call("beginStepUp")
    assert (plain["ways"], plain["passkey"]) == (["PASSWORD"], None)
    await _add(ada, device)
    await _add(grace, other := _device(ada.world))
    begun = await ada.call("beginStepUp")
    assert begun["ways"] == ["PASSWORD", "PASSKEY"]
    [allowed] = json.loads(begun["passkey"])["allowCredentials"]
    assert allowed["id"] == bytes_to_base64url(device.id)
    for answer in (other.sign(begun["passkey"]), device.sign(_another(begun["passkey"])), "{}"):
        given = {"token": begun["token"], "way": "PASSKEY", "secret": answer}
        assert (await ada.call("stepUp", input=given))["code"] == "WRONG_CODE"
    given["secret"] = device.sign(begun["passkey"])
    stepped = await ada.call("stepUp", input=given)
    assert jwt.decode(stepped["accessToken"], options={"verify_signature": False})["acr"] == "2"
    assert (await ada.call("stepUp", input=given))["code"] == "TICKET_OVER"


def _another(options: str) -> str:
    """The same question with a challenge that nobody has made."""
    return json.dumps({**json.loads(options), "challenge": bytes_to_base64url(b"x" * 32)})


async def test_a_key_is_registered_once_whoever_says_it_is_theirs(people: list[Person]) -> None:
    device = _device(people[1].world)
    await _add(people[1], device)
    assert (await _add(people[2], device))["code"] == "PASSKEY_KNOWN"


async def test_a_person_has_twenty_at_most(people: list[Person]) -> None:
    ada = people[1]
    for _ in range(20):
        await _add(ada, _device(ada.world))
    assert (await ada.call("beginPasskey"))["code"] == "TOO_MANY_PASSKEYS"


async def test_who_has_not_proved_their_address_adds_no_way_to_sign_in(world: World) -> None:
    """Else they could register another's address, and still get in when its owner has come."""
    mallory = await world.person("Mallory")
    assert (await mallory.call("beginPasskey"))["code"] == "VERIFY_EMAIL_FIRST"
    await mallory.prove()
    assert (await mallory.call("beginPasskey"))["token"]


async def test_the_last_way_to_sign_in_stays(world: World, store: Store) -> None:
    kim = await world.person("Kim")
    await kim.prove()
    passkeys = [(await _add(kim, _device(world)))["id"] for _ in range(2)]
    await store["credentials"].delete_one({"_id": ObjectId(kim.id.partition("_")[2])})
    assert not (await kim.call("waysToSignIn"))["password"]
    answers = await asyncio.gather(*(kim.call("removePasskey", input={"passkeyId": id}) for id in passkeys))
    assert sorted(answer.get("code", "") for answer in answers) == ["", "LAST_WAY_TO_SIGN_IN"]
    assert len((await kim.call("waysToSignIn"))["passkeys"]) == 1


async def test_a_secret_is_in_no_answer(people: list[Person]) -> None:
    device = _device(people[1].world)
    await _add(people[1], device)
    shown = json.dumps(await people[1].call("waysToSignIn"))
    assert "publicKey" not in shown
    assert "credentialId" not in shown
