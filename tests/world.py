"""All of Atrium as a stranger meets it: its own processes, spoken to over HTTP and WebSocket only."""

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from random import randrange
from typing import Any

import httpx
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pyotp import TOTP
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.dev.children import Child, free_port
from app.services.identity import tokens
from tests import documents
from tests.oidc import Liar
from tests.postoffice import PostOffice

PATIENCE = 30.0
"""Seconds within which what must happen has to have happened."""
PASSWORD = "correct horse battery"

Data = dict[str, Any]


@dataclass
class World:
    """A running Atrium, and the client with which everybody calls it."""

    url: str
    http: httpx.AsyncClient = field(repr=False)
    staff: "Person | None" = None
    """Somebody on the platform's staff, in no organization."""
    store: AsyncDatabase[Data] | None = None
    """The database, for what no client can bring about."""
    office: PostOffice | None = None
    """Where this Atrium's e-mails arrive."""
    elsewhere: Liar | None = None
    """Who this Atrium takes for Google."""

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    @property
    def socket(self) -> str:
        return self.graphql.replace("http", "ws", 1)

    async def link(self, address: str, subject: str, *, after: int = 0) -> str:
        """The token of the link in the newest letter with this subject to an address, `after` so many of them."""
        assert self.office
        office = self.office

        async def arrived() -> list[EmailMessage]:
            letters = [letter for letter in office.to(address) if letter["Subject"] == subject]
            return letters if len(letters) > after else []

        body = (await until(arrived))[-1].get_body(("plain",))
        assert body is not None
        tokens: list[str] = re.findall(r"/([\w-]+\.[\w-]{43})\s", body.get_content())
        return tokens[-1]

    async def age(self, token: str, by: timedelta) -> None:
        """Let time pass for the ticket with this token."""
        assert self.store is not None
        where = {"_id": ObjectId(token.partition(".")[0])}
        sooner = {"$subtract": ["$expires_at", int(by.total_seconds() * 1000)]}
        assert (await self.store["tickets"].update_one(where, [{"$set": {"expires_at": sooner}}])).modified_count

    async def person(self, name: str) -> "Person":
        """Somebody new, signed in, in no organization."""
        email = f"{name.lower()}.{secrets.token_hex(4)}@example.com"
        person = Person(self, name, email)
        await person.call("register", input={"email": email, "password": PASSWORD, "name": name})
        await person.sign_in()
        return person


@dataclass
class Person:
    """A client of somebody: what it asks carries their token."""

    world: World
    name: str
    email: str
    id: str = ""
    token: str = ""
    refresh_token: str = ""
    organization: str = ""
    address: str = field(default_factory=lambda: f"10.{randrange(256)}.{randrange(256)}.{randrange(1, 255)}")
    """Where on the network they are, as a proxy in front of Atrium says."""
    password: str = field(default=PASSWORD, repr=False)
    codes: list[str] = field(default_factory=list, repr=False)
    """Recovery codes that are left."""

    async def post(self, query: str, variables: Data | None = None, **headers: str) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        authorization["X-Forwarded-For"] = self.address
        body = {"query": query, "variables": variables or {}}
        return await self.world.http.post(self.world.graphql, json=body, headers={**authorization, **headers})

    async def answer(self, query: str, **variables: Any) -> Data:
        """The whole response, errors and all."""
        response = await self.post(query, variables)
        assert response.status_code < 500, response.text
        return dict(response.json())

    async def ask(self, query: str, **variables: Any) -> Data:
        """The data of a response without errors."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    async def code(self, query: str, **variables: Any) -> str:
        """The code of the only top-level error."""
        answer = await self.answer(query, **variables)
        assert len(answer.get("errors", ())) == 1, answer
        return str(answer["errors"][0]["extensions"]["code"])

    async def call(self, name: str, *, depth: int = 2, **arguments: Any) -> Any:
        """What a root field answers, selected whole; a mutation's refusal too."""
        text, variables = documents.operation(name, arguments, depth=depth)
        return (await self.ask(text, **variables))["a0"]

    async def refused(self, name: str, **arguments: Any) -> str:
        """The code with which a root field is refused as a whole."""
        text, variables = documents.operation(name, arguments, depth=1)
        return await self.code(text, **variables)

    async def sign_in(self) -> None:
        """Open a session, whatever has become of the one before."""
        self.token = ""
        signed_in = await self.call("signIn", input={"email": self.email, "password": self.password})
        if signed_in["__typename"] == "SecondFactorRequired":
            given = {"token": signed_in["token"], "way": "RECOVERY_CODE", "secret": self.codes.pop()}
            signed_in = await self.call("completeSignIn", input=given)
        self.id, self.token = signed_in["user"]["id"], signed_in["accessToken"]
        self.refresh_token, self.organization = signed_in["refreshToken"], signed_in["organizationId"] or ""

    async def prove(self) -> None:
        """Let it be known that the address is theirs."""
        assert self.world.store is not None
        proved = {"$set": {"email_verified_at": datetime.now(UTC)}}
        await self.world.store["users"].update_one({"_id": ObjectId(self.id.partition("_")[2])}, proved)

    async def age(self, by: timedelta) -> None:
        """Let time pass for what the session has proved, and get the token that says so."""
        assert self.world.store is not None
        id = ObjectId(self.refresh_token.partition(".")[0])
        sooner = {"$subtract": ["$proof.at", int(by.total_seconds() * 1000)]}
        await self.world.store["sessions"].update_one({"_id": id}, [{"$set": {"proof.at": sooner}}])
        answer = await self.call("refreshSession", input={"refreshToken": self.refresh_token})
        self.token, self.refresh_token = answer["accessToken"], answer["refreshToken"]

    async def enrol(self) -> str:
        """Have an authenticator app with this secret, and recovery codes to sign in with."""
        secret = str((await self.call("beginTotp"))["secret"])
        self.codes = (await self.call("confirmTotp", input={"code": TOTP(secret).now()}))["codes"]
        return secret

    async def again(self, world: World | None = None) -> "Person":
        """The same person in a session of their own, at another process of the same Atrium if one is given."""
        person = Person(world or self.world, self.name, self.email, address=self.address, password=self.password)
        person.codes = self.codes
        await person.sign_in()
        return person

    async def enter(self, organization: str) -> None:
        """Work in another organization."""
        switched = await self.call("switchOrganization", input={"organizationId": organization})
        self.token, self.organization = switched["accessToken"], switched["organizationId"]

    async def start(self, *others: "Person", title: str | None = None) -> str:
        """The id of a conversation with these people."""
        given = {"memberIds": [other.id for other in others], "title": title}
        return str((await self.call("startConversation", input=given))["id"])

    async def send(self, conversation: str, text: str, **more: Any) -> Data:
        """The message."""
        return dict(await self.call("sendMessage", input={"conversationId": conversation, "text": text, **more}))

    @asynccontextmanager
    async def live(self) -> AsyncIterator["Live"]:
        """An acknowledged socket."""
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(self.world.socket, subprotocols=[protocol], max_queue=None) as socket:
            payload = {"authorization": f"Bearer {self.token}"} if self.token else {}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            yield Live(socket)


class Live:
    """A graphql-transport-ws client, small enough to see through."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._next = 0

    async def subscribe(self, query: str, **variables: Any) -> str:
        """The id of a subscription that has been sent; the server may not have taken it up yet."""
        self._next += 1
        id = str(self._next)
        payload = {"query": query, "variables": variables}
        await self.socket.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))
        return id

    async def follow(self, name: str, *, depth: int = 3, **arguments: Any) -> str:
        """Subscribe to a root field, selected whole."""
        text, variables = documents.operation(name, arguments, depth=depth)
        return await self.subscribe(text, **variables)

    async def event(self, *types: str) -> Data:
        """The next event, of one of the types if any are named, of what was subscribed to by `follow`."""
        while True:
            event = dict((await self.next())["a0"])
            if not types or event["__typename"] in types:
                return event

    async def refusal(self) -> str:
        """The code with which the only subscription was refused."""
        message = await self.receive()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        return str(errors[0]["extensions"]["code"])

    async def receive(self, seconds: float = PATIENCE) -> Data:
        """The next message of the protocol, pings aside."""
        async with asyncio.timeout(seconds):
            while True:
                message = dict(json.loads(await self.socket.recv()))
                if message["type"] != "ping":
                    return message

    async def next(self, seconds: float = PATIENCE) -> Data:
        """The data of the next event."""
        message = await self.receive(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return dict(message["payload"]["data"])

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.receive(seconds)
        except TimeoutError:
            return True
        return False


async def organization(owner: Person, *members: Person, name: str = "Company") -> str:
    """The id of a new organization in which they all are signed in."""
    id = str((await owner.call("createOrganization", input={"name": name, "slug": f"c-{secrets.token_hex(6)}"}))["id"])
    await owner.enter(id)
    for member in members:
        invitation = await owner.call("inviteMember", input={"email": member.email})
        await member.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
        await member.enter(id)
    return id


def invitation_token(id: str) -> str:
    """What the invitation's e-mail holds."""
    return tokens.invitation(ObjectId(id.partition("_")[2]))


async def until(condition: Any, seconds: float = PATIENCE) -> Any:
    """The first true answer of an async function."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.05)
    return answer


class Processes:
    """API and worker processes of one database."""

    def __init__(self, directory: Path, database: str, **environment: str) -> None:
        self.directory = directory
        self.environment = {**os.environ, "MONGODB_DATABASE": database, "LOG_FORMAT": "json", **environment}

    def start(self, name: str, *command: str) -> Child:
        child = Child(name, [sys.executable, "-m", "app.cli", *command], self.directory, environment=self.environment)
        child.start()
        return child

    def run(self, *command: str, status: int = 0) -> str:
        """What a command that ends by itself, with this status, has printed."""
        program = [sys.executable, "-m", "app.cli", *command]
        done = subprocess.run(program, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


async def ready(url: str, seconds: float = 30) -> None:
    """Wait until a server says that it is ready."""

    async def answers() -> bool:
        try:
            return (await http.get(f"{url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async with httpx.AsyncClient() as http:
        await until(answers, seconds)


__all__ = ["Live", "Person", "Processes", "World", "free_port", "invitation_token", "organization", "ready", "until"]
