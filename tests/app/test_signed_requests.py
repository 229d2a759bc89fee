"""ID-12: requests signed by HMAC, with nothing but the standard library: unaltered, lately and once."""

import asyncio
import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from bson import ObjectId

from app.core import clock
from tests.app.test_keys import made
from tests.world import Person

COMPONENTS = '("@method" "@path" "@query" "content-digest")'
MEMBERS = json.dumps({"query": "{ members { nodes { id } } }"}).encode()


@dataclass
class Client:
    """Signs as docs and `app.api.signatures` describe it."""

    url: str
    http: httpx.AsyncClient
    key: str
    secret: str

    def headers(self, body: bytes, *, nonce: str | None = None, created: float | None = None, **more: str) -> Any:
        digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
        moment, word = int(clock.source() if created is None else created), nonce or secrets.token_urlsafe(24)
        parameters = f'{COMPONENTS};created={moment};keyid="{self.key}";nonce="{word}"'
        base = "\n".join(
            (
                '"@method": POST',
                '"@path": /graphql',
                '"@query": ?',
                f'"content-digest": {digest}',
                f'"@signature-params": {parameters}',
            )
        )
        code = b64encode(hmac.digest(self.secret.encode(), base.encode(), "sha256")).decode()
        return {
            "content-type": "application/json",
            "content-digest": digest,
            "signature-input": f"sig={parameters}",
            "signature": f"sig=:{code}:",
            **more,
        }

    async def post(self, body: bytes, headers: Any, path: str = "/graphql") -> httpx.Response:
        return await self.http.post(self.url + path, content=body, headers=headers)


async def signer(by: Person, *scopes: str) -> Client:
    key, client = await made(by, *scopes, use="SIGNATURE")
    return Client(by.world.url, by.world.http, key["id"], client.token)


async def test_a_signed_request_is_served(company: list[Person]) -> None:
    client = await signer(company[0])
    response = await client.post(MEMBERS, client.headers(MEMBERS))
    assert response.status_code == 200
    assert len(response.json()["data"]["members"]["nodes"]) == 3


async def test_the_secret_of_a_key_that_signs_is_no_token(company: list[Person]) -> None:
    client = await signer(company[0])
    bearer = Person(company[0].world, "Till", "", token=client.secret)
    response = await bearer.post("{ __typename }")
    assert response.status_code == 401
    assert "never sent" in response.json()["errors"][0]["message"]


async def test_of_twenty_repetitions_at_once_one_is_served(company: list[Person]) -> None:
    client = await signer(company[0])
    headers = client.headers(MEMBERS)
    answers = await asyncio.gather(*(client.post(MEMBERS, headers) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    again = await client.post(MEMBERS, headers)
    assert again.json()["errors"][0]["message"] == "This request came before."


ALTERED: dict[str, Callable[[Any], None]] = {
    "time": lambda h: h.update({"signature-input": h["signature-input"].replace("created=1", "created=2")}),
    "nonce": lambda h: h.update({"signature-input": h["signature-input"].replace('nonce="', 'nonce="x')}),
    "key": lambda h: h.update({"signature-input": h["signature-input"].replace('keyid="ApiKey_', 'keyid="User_')}),
    "code": lambda h: h.update({"signature": "sig=:" + "A" * 43 + "=:"}),
    "digest": lambda h: h.update({"content-digest": "sha-256=:" + "A" * 43 + "=:"}),
    "no digest": lambda h: h.pop("content-digest"),
    "no signature": lambda h: h.pop("signature"),
    "label": lambda h: h.update({"signature": h["signature"].replace("sig", "other")}),
    "fewer components": lambda h: h.update({"signature-input": h["signature-input"].replace(' "content-digest"', "")}),
    "algorithm": lambda h: h.update({"signature-input": h["signature-input"] + ';alg="rsa-v1_5-sha256"'}),
    "twice": lambda h: h.update({"signature-input": h["signature-input"] + ";created=1"}),
    "unknown parameter": lambda h: h.update({"signature-input": h["signature-input"] + ";tag=1"}),
    "nothing": lambda h: h.update({"signature-input": ""}),
    "garbage": lambda h: h.update({"signature-input": "sig=(" + '"@method" ' * 400 + ")"}),
    "both": lambda h: h.update({"authorization": "Bearer x"}),
}


@pytest.mark.parametrize("what", ALTERED)
async def test_what_was_altered_on_the_way_is_refused(company: list[Person], what: str) -> None:
    client = await signer(company[0])
    headers = client.headers(MEMBERS)
    ALTERED[what](headers)
    response = await client.post(MEMBERS, headers)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_another_body_or_address_is_refused(company: list[Person]) -> None:
    client = await signer(company[0])
    other = json.dumps({"query": "{ organization { id } }"}).encode()
    assert (await client.post(other, client.headers(MEMBERS))).status_code == 401
    assert (await client.post(MEMBERS, client.headers(MEMBERS), "/graphql?a=1")).status_code == 401
    swapped = {**client.headers(MEMBERS), "content-digest": client.headers(other)["content-digest"]}
    assert (await client.post(other, swapped)).status_code == 401


@pytest.mark.parametrize("seconds", [-400, 400])
async def test_what_was_signed_at_another_time_is_refused(company: list[Person], seconds: int) -> None:
    client = await signer(company[0])
    late = client.headers(MEMBERS, created=clock.source() + seconds)
    assert (await client.post(MEMBERS, late)).status_code == 401
    near = client.headers(MEMBERS, created=clock.source() + seconds / 2)
    assert (await client.post(MEMBERS, near)).status_code == 200


async def test_another_key_signs_nothing_of_this_one(company: list[Person], strangers: list[Person]) -> None:
    client, other = await signer(company[0]), await signer(strangers[0])
    forged = Client(client.url, client.http, client.key, other.secret)
    assert (await forged.post(MEMBERS, forged.headers(MEMBERS))).status_code == 401
    nobody = Client(client.url, client.http, f"ApiKey_{ObjectId()}", client.secret)
    assert (await nobody.post(MEMBERS, nobody.headers(MEMBERS))).status_code == 401


async def test_both_secrets_sign_during_a_rotation_and_none_after_the_end(company: list[Person]) -> None:
    owner, client = company[0], await signer(company[0])
    turned = await owner.call("rotateApiKey", input={"keyId": client.key})
    newer = Client(client.url, client.http, client.key, turned["secret"])
    for one in (client, newer):
        assert (await one.post(MEMBERS, one.headers(MEMBERS))).status_code == 200
    await owner.call("revokeApiKey", input={"keyId": client.key})
    for one in (client, newer):
        assert (await one.post(MEMBERS, one.headers(MEMBERS))).status_code == 401


async def test_the_secret_lies_nowhere_in_the_clear(company: list[Person]) -> None:
    client = await signer(company[0])
    store = company[0].world.store
    assert store is not None
    row = await store["api_keys"].find_one({"_id": ObjectId(client.key.partition("_")[2])})
    assert row
    assert client.secret.encode() not in row["sealed"][0]
