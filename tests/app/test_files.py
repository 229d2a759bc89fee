"""MED-1, MED-3, S13: files come in within limits, are looked at, and are had by nobody before that."""

import asyncio
import gzip
import io
import json
import os
import time
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psutil
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core.clock import now
from app.dev.clamav import EICAR, ClamAV
from app.services.identity import tokens
from tests import documents
from tests.world import Person, Processes, until

Data = dict[str, Any]
Store = AsyncDatabase[Data]

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00" + bytes(40)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
COMPLETE = """mutation($file: ID!) { completeUpload(input: {fileId: $file}) {
  ... on File { id name state size } ... on UserError { code } } }"""


MOST = 25_000_000
"""Bytes of a file."""


@pytest.fixture(autouse=True)
def looked_at(clamav: ClamAV) -> None:
    """There is somebody who looks at files."""


def packed(name: str, content: bytes) -> bytes:
    """A zip file of one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


async def put(person: Person, content: bytes | AsyncIterator[bytes], name: str = "a file") -> tuple[str, int, Data]:
    """The file's id, and how its content was answered."""
    target = await person.call("beginUpload", input={"name": name, "size": 1}, depth=3)
    answer = await person.world.http.put(target["url"], content=content)
    return target["file"]["id"], answer.status_code, answer.json() if answer.content else {}


async def uploaded(person: Person, content: bytes = b"Hello") -> str:
    """The id of a file of the person's, clean and not sent yet."""
    id, status, _ = await put(person, content)
    assert status == 204
    assert (await until(lambda: judged(person, id)))["state"] == "CLEAN"
    return id


async def fetched(person: Person, id: str) -> int:
    """How somebody is answered who has a link to the file, whoever gave it to them."""
    token = tokens.file(ObjectId(id.partition("_")[2]), int(time.time()) + 60)
    return (await person.world.http.get(f"{person.world.url}/files/{token}")).status_code


async def judged(person: Person, id: str) -> Data | None:
    """A file of the person's, as soon as it was looked at."""
    found = dict(await person.call("file", id=id))
    return None if found["state"] in ("EXPECTED", "STORED", "SCANNING") else found


async def test_a_file_is_uploaded_looked_at_sent_and_fetched_until_it_is_deleted(company: list[Person]) -> None:
    owner, ada, _ = company
    given = {"name": "..\\../etc/passwd/ Mein \u202eBild.png ", "size": len(PNG)}
    target = await ada.call("beginUpload", input=given, depth=3)
    assert (target["file"]["name"], target["file"]["state"], target["file"]["url"]) == (
        "Mein Bild.png",
        "EXPECTED",
        None,
    )
    http = ada.world.http
    answers = await asyncio.gather(*(http.put(target["url"], content=PNG) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, *[404] * 4]
    file = await until(lambda: judged(ada, target["file"]["id"]))
    assert (file["state"], file["mediaType"], file["size"]) == ("CLEAN", "image/png", len(PNG))
    conversation = await ada.start(owner, title="Pictures")
    message = await ada.send(conversation, "Look!", fileIds=[file["id"]])
    assert (await owner.call("message", id=message["id"]))["attachments"] == message["attachments"]
    [attachment] = message["attachments"]
    assert (attachment["name"], attachment["mediaType"], attachment["size"]) == ("Mein Bild.png", "image/png", len(PNG))
    fetched = await http.get(attachment["url"])
    assert (fetched.status_code, fetched.content, fetched.headers["content-type"]) == (200, PNG, "image/png")
    assert fetched.headers["content-disposition"] == "attachment; filename*=UTF-8''Mein%20Bild.png"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in fetched.headers["content-security-policy"]
    assert (await http.get(f"{attachment['url']}x")).status_code == 404
    assert await owner.call("file", id=file["id"]) is None, "the row is its owner's"
    assert (await ada.call("files", first=1))["nodes"][0]["id"] == file["id"]

    other = {"conversationId": conversation, "text": "Again", "fileIds": [file["id"]]}
    assert (await ada.call("sendMessage", input=other))["code"] == "FILE_NOT_CLEAN", "it is in one message only"
    refused = await owner.call("sendMessage", input=other)
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "fileIds"])
    await ada.call("deleteMessage", input={"messageId": message["id"]})
    assert (await http.get(attachment["url"])).status_code == 404


async def test_a_file_goes_with_one_of_messages_that_are_sent_at_once(company: list[Person]) -> None:
    owner, ada, _ = company
    conversation, file = await ada.start(owner), await uploaded(ada)
    given = {"conversationId": conversation, "text": "Mine", "fileIds": [file]}
    answers = await asyncio.gather(*(ada.call("sendMessage", input=given) for _ in range(5)))
    assert sorted(answer.get("code", "") for answer in answers) == ["", *["FILE_NOT_CLEAN"] * 4]
    other = await uploaded(ada)
    same = {**given, "fileIds": [other], "clientMessageId": "once"}
    answers = await asyncio.gather(*(ada.call("sendMessage", input=same) for _ in range(5)))
    assert len({answer["id"] for answer in answers}) == 1, "the same message, sent again"


async def _unannounced(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1 << 16):
        yield b"a" * (1 << 16)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(b"", 400, "FILE_EMPTY", id="empty"),
        pytest.param(b"a" * MOST, 204, None, id="as much as may be"),
        pytest.param(b"a" * (MOST + 1), 413, "FILE_TOO_LARGE", id="a byte more"),
        pytest.param(None, 413, "FILE_TOO_LARGE", id="too much, unannounced"),
        pytest.param(SVG, 415, "FILE_TYPE_REFUSED", id="svg"),
        pytest.param(b"<!doctype html><p>Hello", 415, "FILE_TYPE_REFUSED", id="html"),
        pytest.param(b"MZ" + bytes(500), 415, "FILE_TYPE_REFUSED", id="program"),
        pytest.param(b"#!/bin/sh\nrm -rf /\n", 415, "FILE_TYPE_REFUSED", id="script"),
        pytest.param(b"\x89PNX" + bytes(range(256)), 415, "FILE_TYPE_REFUSED", id="a picture's wrong magic"),
        pytest.param(packed("bomb", bytes(20_000_000)), 204, None, id="zip bomb"),
        pytest.param(gzip.compress(bytes(20_000_000)), 204, None, id="gzip bomb"),
    ],
)
async def test_what_may_come_and_what_may_not(
    company: list[Person], content: bytes | None, status: int, code: str | None
) -> None:
    ada = company[1]
    id, answered, body = await put(ada, _unannounced(MOST + 1) if content is None else content, "picture.png")
    assert (answered, body.get("code")) == (status, code)
    if status != 204:
        assert (await ada.call("file", id=id))["state"] == "EXPECTED"


async def test_large_files_take_no_memory(company: list[Person], processes: Processes) -> None:
    api = psutil.Process(int((processes.directory / "api.pid").read_text().split()[0]))
    await put(company[1], b"a" * MOST)
    before = api.memory_info().rss
    await asyncio.gather(*(put(company[1], b"a" * MOST) for _ in range(4)))
    assert api.memory_info().rss - before < 20_000_000


async def test_one_that_is_announced_as_too_large_is_refused_at_once(company: list[Person]) -> None:
    refused = await company[1].call("beginUpload", input={"name": "film.mp4", "size": 30_000_000})
    assert (refused["__typename"], refused["code"], refused["path"]) == (
        "LimitReachedError", "FILE_TOO_LARGE", ["input", "size"],
    )  # fmt: skip
    for name in ("", "/", "...", "\u200b"):
        refused = await company[1].call("beginUpload", input={"name": name, "size": 1})
        assert refused["path"] == ["input", "name"], name


async def test_what_is_infected_is_had_by_nobody_and_harms_no_other(
    company: list[Person], processes: Processes
) -> None:
    owner, ada, _ = company
    (bad, *_), (good, *_) = await put(ada, packed("fine.txt", EICAR)), await put(ada, b"Hello")
    found = await until(lambda: judged(ada, bad))
    assert (found["state"], found["url"]) == ("INFECTED", None)
    assert "Eicar" in found["finding"]
    assert await fetched(ada, bad) == 404
    assert (await until(lambda: judged(ada, good)))["state"] == "CLEAN"
    conversation = await ada.start(owner)
    given = {"conversationId": conversation, "text": "Look", "fileIds": [good, bad]}
    assert (await ada.call("sendMessage", input=given))["code"] == "FILE_NOT_CLEAN"
    assert len((await ada.send(conversation, "Look", fileIds=[good]))["attachments"]) == 1
    assert not list((processes.directory / "media").rglob(bad.partition("_")[2])), "its content is gone"


async def test_nothing_is_had_while_nobody_can_look_at_it(company: list[Person], clamav: ClamAV) -> None:
    owner, ada, _ = company
    clamav.stop()
    try:
        id, status, _ = await put(ada, b"Hello")
        assert status == 204
        conversation = await ada.start(owner)

        async def waiting() -> bool:
            file = await ada.call("file", id=id)
            assert file["url"] is None
            assert await fetched(ada, id) == 404
            return bool(file["state"] == "SCANNING")

        await until(waiting)
        given = {"conversationId": conversation, "text": "Look", "fileIds": [id]}
        assert (await ada.call("sendMessage", input=given))["code"] == "FILE_NOT_CLEAN"
    finally:
        clamav.start()
    assert (await until(lambda: judged(ada, id), 60))["state"] == "CLEAN"
    assert await fetched(ada, id) == 200


async def test_what_no_message_carries_goes_after_a_day(
    company: list[Person], store: Store, processes: Processes
) -> None:
    owner, ada, _ = company
    unused, sent, expected = await uploaded(ada), await uploaded(ada), (await put(ada, b""))[0]
    await ada.send(await ada.start(owner), "Look", fileIds=[sent])
    ids = [ObjectId(id.partition("_")[2]) for id in (unused, sent, expected)]
    await store["files"].update_many({"_id": {"$in": ids}}, {"$set": {"changed_at": now() - timedelta(days=2)}})
    assert owner.world.staff
    await owner.world.staff.call("runSchedule", input={"name": "remove_unused_files"})

    async def gone() -> bool:
        return not await store["files"].count_documents({"_id": {"$in": [ids[0], ids[2]]}})

    await until(gone)
    assert (await ada.call("file", id=sent))["state"] == "CLEAN"
    media = processes.directory / "media"
    assert [len(list(media.rglob(str(id)))) for id in ids] == [0, 1, 0]


def _form(content: bytes, name: str = "a.txt", places: Data | None = None, **more: Any) -> dict[str, Any]:
    operations = {"query": COMPLETE, "variables": {"file": None}, **more}
    told = {"operations": json.dumps(operations), "map": json.dumps(places or {"0": ["variables.file"]})}
    return {"data": told, "files": {"0": (name, content)}}


async def _sent(person: Person, form: dict[str, Any], **headers: str) -> Any:
    own = {"Authorization": f"Bearer {person.token}"} if person.token else {}
    own |= {"X-Forwarded-For": person.address, "Apollo-Require-Preflight": "true"}
    return await person.world.http.post(person.world.graphql, headers={**own, **headers}, **form)


async def test_a_request_brings_its_file_along(company: list[Person]) -> None:
    ada = company[1]
    answer = await _sent(ada, _form(b"Hello", "C:\\secret\\hello.txt"))
    assert answer.status_code == 200, answer.text
    file = answer.json()["data"]["completeUpload"]
    assert (file["name"], file["size"]) == ("hello.txt", 5)
    assert (await until(lambda: judged(ada, file["id"])))["state"] == "CLEAN"


async def test_a_request_that_brings_files_along_is_refused_as_a_whole_for_any_fault(company: list[Person]) -> None:
    ada = company[1]
    many = {str(n): (f"{n}.txt", b"a") for n in range(1_000)}
    wrong = [
        ({**_form(b"Hello"), "files": {"1": ("a.txt", b"a")}}, 400),
        ({**_form(b"Hello"), "files": many}, 400),
        (_form(b"Hello", places={"0": ["variables.other.deep"]}), 400),
        (_form(b"Hello", places={"0": ["query"]}), 400),
        (_form(b"Hello", places={"0": [1]}), 400),
        (_form(b"Hello", places={"0": "x"}), 400),
        (_form(b"Hello", variables=[]), 400),
        (_form(b"Hello", variables={"file": "File_1"}), 400),
        ({**_form(b"Hello"), "data": {"operations": "[]", "map": "{}"}}, 400),
        ({**_form(b"Hello"), "data": {"operations": "{", "map": "{}"}}, 400),
        ({**_form(b"Hello"), "data": {"map": "{}"}}, 400),
        (_form(b""), 400),
        (_form(b"Hello", "..."), 400),
        (_form(SVG), 415),
        (_form(os.urandom(1) * (MOST + 200_000)), 413),
    ]
    for form, status in wrong:
        answer = await _sent(ada, form)
        assert (answer.status_code, "data" in answer.json()) == (status, False), form["data"]
    unasked = await _sent(ada, _form(b"Hello"), **{"Apollo-Require-Preflight": ""})
    assert unasked.status_code == 415, "a page of another origin can send it so"
    assert (await _sent(Person(ada.world, "Anybody", ""), _form(b"Hello"))).status_code == 401
    assert (await ada.call("files"))["nodes"] == []


def test_where_content_goes_is_said_in_the_schema() -> None:
    assert "multipart" in str(documents.field("completeUpload").description)
