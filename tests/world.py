"""All of Atrium as a stranger meets it: its own processes, spoken to over HTTP and WebSocket only."""

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from bson import ObjectId
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.dev.children import Child, free_port
from app.services.identity import tokens

PATIENCE = 10.0
"""Seconds within which what must happen has to have happened."""
PASSWORD = "correct horse battery"

Data = dict[str, Any]

REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { ... on Registered { email } } }"
SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) { __typename
  ... on SignedIn { accessToken refreshToken expiresAt organizationId user { id name } } ... on UserError { code } } }"""
SWITCH = """mutation($input: SwitchOrganizationInput!) { switchOrganization(input: $input) { __typename
  ... on SignedIn { accessToken organizationId } ... on UserError { code } } }"""
CREATE = """mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { ... on Organization { id } } }"""
INVITE = "mutation($input: InviteMemberInput!) { inviteMember(input: $input) { ... on Invitation { id } } }"
ACCEPT = "mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { ... on Member { id } } }"
START = """mutation($input: StartConversationInput!) { startConversation(input: $input) { __typename
  ... on Conversation { id } ... on UserError { code path } } }"""
SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) { __typename
  ... on Message { id text } ... on UserError { message code path } } }"""


@dataclass
class World:
    """The addresses of a running Atrium."""

    url: str
    database: str
    directory: Path

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    @property
    def socket(self) -> str:
        return self.graphql.replace("http", "ws", 1)

    async def person(self, name: str) -> "Person":
        """Somebody new, signed in, in no organization."""
        email = f"{name.lower()}.{secrets.token_hex(4)}@example.com"
        person = Person(self, name, email)
        await person.ask(REGISTER, input={"email": email, "password": PASSWORD, "name": name})
        signed_in = (await person.ask(SIGN_IN, input={"email": email, "password": PASSWORD}))["signIn"]
        person.id, person.token, person.refresh_token = (
            signed_in["user"]["id"],
            signed_in["accessToken"],
            signed_in["refreshToken"],
        )
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
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30), repr=False)

    async def post(self, query: str, variables: Data | None = None, **headers: str) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": query, "variables": variables or {}}
        return await self.http.post(self.world.graphql, json=body, headers={**authorization, **headers})

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

    async def enter(self, organization: str) -> None:
        """Work in another organization."""
        switched = (await self.ask(SWITCH, input={"organizationId": organization}))["switchOrganization"]
        self.token, self.organization = switched["accessToken"], switched["organizationId"]

    async def start(self, *others: "Person", title: str | None = None) -> str:
        """The id of a conversation with these people."""
        given = {"memberIds": [other.id for other in others], "title": title}
        return str((await self.ask(START, input=given))["startConversation"]["id"])

    async def send(self, conversation: str, text: str, **more: Any) -> Data:
        """The message."""
        given = {"conversationId": conversation, "text": text, **more}
        return dict((await self.ask(SEND, input=given))["sendMessage"])

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
    id = str((await owner.ask(CREATE, input={"name": name, "slug": f"c-{secrets.token_hex(6)}"}))["createOrganization"]["id"])
    await owner.enter(id)
    for member in members:
        invited = (await owner.ask(INVITE, input={"email": member.email}))["inviteMember"]["id"]
        token = tokens.invitation(ObjectId(invited.partition("_")[2]))
        await member.ask(ACCEPT, input={"token": token})
        await member.enter(id)
    return id


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
        child = Child(
            name, [sys.executable, "-m", "app.cli", *command], self.directory, environment=self.environment
        )
        child.start()
        return child

    def run(self, *command: str) -> None:
        """A command that ends by itself."""
        child = self.start(command[0], *command)
        deadline = time.monotonic() + 60
        while child.running:
            assert time.monotonic() < deadline, f"{command} did not end"
            time.sleep(0.02)
        assert child.exit_status == 0, child.log_file.read_text()


async def ready(url: str, seconds: float = 30) -> None:
    """Wait until a server says that it is ready."""

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"{url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    await until(answers, seconds)


__all__ = ["Live", "Person", "Processes", "World", "free_port", "organization", "ready", "until"]
