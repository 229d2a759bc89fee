"""ID-12: service accounts get short tokens by client credentials, and can do with them what their scopes say."""

import asyncio
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from tests.app.test_keys import made, refused
from tests.world import Person, until

FORM = "application/x-www-form-urlencoded"


async def account(by: Person, *scopes: str) -> tuple[str, str]:
    """The id and secret of a new service account."""
    key, client = await made(by, *scopes, use="CLIENT_CREDENTIALS")
    return key["id"], client.token


async def token(at: Person, form: dict[str, str] | str, **headers: str) -> httpx.Response:
    content = form if isinstance(form, str) else "&".join(f"{name}={quote_plus(form[name])}" for name in form)
    url = f"{at.world.url}/oauth/token"
    return await at.world.http.post(url, content=content, headers={"content-type": FORM, **headers})


def basic(id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{quote_plus(id)}:{quote_plus(secret)}".encode()).decode()


def body(id: str, secret: str, **more: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": id, "client_secret": secret, **more}


@pytest.mark.parametrize("by_header", [True, False])
async def test_an_id_and_a_secret_get_a_token_that_works(company: list[Person], by_header: bool) -> None:
    id, secret = await account(company[0])
    if by_header:
        response = await token(company[0], "grant_type=client_credentials", authorization=basic(id, secret))
    else:
        response = await token(company[0], body(id, secret))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    granted = response.json()
    assert granted.pop("access_token").startswith("atr_token_")
    assert granted == {"token_type": "Bearer", "expires_in": 3600, "scope": "members.read"}
    service = Person(company[0].world, "Service", "", token=response.json()["access_token"])
    assert len((await service.call("members"))["nodes"]) == 3
    assert await service.refused("me") == "PERSON_NEEDED"


async def test_a_token_has_the_scopes_that_were_asked_for_and_no_other(company: list[Person]) -> None:
    id, secret = await account(company[0], "members.read", "organization.update")
    narrow = (await token(company[0], body(id, secret, scope="members.read"))).json()
    service = Person(company[0].world, "Service", "", token=narrow["access_token"])
    assert narrow["scope"] == "members.read"
    assert (await service.call("members"))["nodes"]
    assert await service.refused("updateOrganization", input={"name": "Mine"}) == "FORBIDDEN"
    wide = await token(company[0], body(id, secret, scope="members.read members.manage"))
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


async def test_the_secret_itself_is_no_token_and_a_bearer_key_gets_none(company: list[Person]) -> None:
    id, secret = await account(company[0])
    assert await refused(Person(company[0].world, "Service", "", token=secret))
    key, till = await made(company[0])
    response = await token(company[0], body(key["id"], till.token))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    other, _ = await account(company[0])
    assert (await token(company[0], body(other, secret))).json()["error"] == "invalid_client"
    assert (await token(company[0], body(id, secret))).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ("", 400, "invalid_request"),
        ("grant_type=password&username=a&password=b", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=x", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=x&client_secret=y", 401, "invalid_client"),
        ("grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=x&client_secret=" + "y" * 9_000, 400, "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(30)), 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=x&client_secret=%ff%00", 401, "invalid_client"),
    ],
)
async def test_refusals_are_those_of_the_standard(people: list[Person], form: str, status: int, error: str) -> None:
    response = await token(people[0], form)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("authorization", ["Basic", "Basic !", "Basic eA==", "Bearer x", "Basic 4pyT", "Basic /w=="])
async def test_a_bad_header_is_refused_with_the_scheme_to_use(people: list[Person], authorization: str) -> None:
    response = await token(people[0], "grant_type=client_credentials", authorization=authorization)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.headers["www-authenticate"].startswith("Basic")


async def test_one_authenticates_once_and_by_a_form(company: list[Person]) -> None:
    id, secret = await account(company[0])
    twice = await token(company[0], body(id, secret), authorization=basic(id, secret))
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    json = await company[0].world.http.post(f"{company[0].world.url}/oauth/token", json=body(id, secret))
    assert (json.status_code, json.json()["error"]) == (400, "invalid_request")
    got = await company[0].world.http.get(f"{company[0].world.url}/oauth/token")
    assert got.status_code == 405


async def test_tokens_end_with_the_secret_they_were_made_for(company: list[Person]) -> None:
    owner = company[0]
    id, secret = await account(owner)
    service = Person(owner.world, "Service", "", token=(await token(owner, body(id, secret))).json()["access_token"])
    assert not await refused(service)
    turned = await owner.call("rotateApiKey", input={"keyId": id, "overlapHours": 0})
    await until(lambda: refused(service))
    newer = (await token(owner, body(id, turned["secret"]))).json()["access_token"]
    service = Person(owner.world, "Service", "", token=newer)
    assert not await refused(service)
    await owner.call("revokeApiKey", input={"keyId": id})
    await until(lambda: refused(service))
    assert (await token(owner, body(id, turned["secret"]))).status_code == 401


@pytest.mark.parametrize("part", ["said", "code", "none", "long"])
async def test_a_token_that_was_changed_is_refused(company: list[Person], part: str) -> None:
    granted = (await token(company[0], body(*await account(company[0])))).json()["access_token"]
    said, _, code = granted.partition(".")
    swapped = {"A": "B"}.get
    changed = {
        "said": f"{said[:-2]}{swapped(said[-2], 'A')}{said[-1]}.{code}",
        "code": f"{said}.{swapped(code[0], 'A')}{code[1:]}",
        "none": said,
        "long": granted + "A" * 4_000,
    }[part]
    assert await refused(Person(company[0].world, "Service", "", token=changed))


async def test_many_tokens_at_once(company: list[Person]) -> None:
    form = body(*await account(company[0]))
    answers: list[Any] = await asyncio.gather(*(token(company[0], form) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_clients_can_find_the_endpoint(people: list[Person]) -> None:
    url = people[0].world.url
    told = (await people[0].world.http.get(f"{url}/.well-known/oauth-authorization-server")).json()
    assert told["token_endpoint"] == f"{url}/oauth/token"
    assert told["grant_types_supported"] == ["client_credentials"]
