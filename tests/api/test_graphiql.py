"""GQL-4: GraphiQL from the project itself in a real browser: signed in, subscribed, and no request to another host."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    WebSocketRoute,
    expect,
)

from tests.api.graphiql_server import PASSWORD, World, serving
from tests.browser import chromium

WATCH_POLICY = """
    document.addEventListener("securitypolicyviolation",
        (event) => console.error("policy violation", event.violatedDirective, event.blockedURI));
"""


@dataclass
class Visit:
    """A browser tab with GraphiQL in it, worked as a person would, and what it did that it should not."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.on("websocket", lambda socket: self._requested(socket.url))
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"a request to another host: {url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    async def open(self) -> None:
        await self.page.goto(self.url)
        await expect(self.response).to_be_visible()

    @property
    def bar(self) -> Locator:
        return self.page.get_by_role("banner", name="Account")

    @property
    def response(self) -> Locator:
        return self.page.get_by_role("region", name="Result Window").locator(".view-lines")

    async def sign_in(self, email: str, password: str) -> None:
        await self.bar.get_by_label("E-mail").fill(email)
        await self.bar.get_by_label("Password").fill(password)
        await self.bar.get_by_role("button", name="Sign in").click()

    async def sign_in_as(self, account: str) -> None:
        await self.bar.get_by_role("button", name=account).click()
        await expect(self.bar.get_by_role("status")).to_contain_text(account)

    async def tab(self, operation: str) -> None:
        await self.page.get_by_role("tab", name=operation).click()
        await self._parsed(operation)

    async def type(self, text: str, editor: str = "Operation Editor") -> None:
        await self.page.get_by_role("region", name=editor).locator(".view-lines:visible").click()
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.insert_text(text)
        if editor == "Operation Editor":
            await self._parsed(text)

    async def _parsed(self, text: str) -> None:
        """Waits until GraphiQL knows the operation in the editor, which it stores when it has parsed it."""
        await self.page.wait_for_function("(text) => localStorage.getItem('graphiql:query')?.includes(text)", arg=text)

    async def subscribe(self) -> None:
        await self.type("subscription Listen { conversationEvents(conversationId: 1) { author text } }")
        await self.run()
        await self.answers("listening")

    async def run(self) -> None:
        await self.page.get_by_role("button", name=re.compile("^Execute query")).click()

    async def answers(self, text: str) -> None:
        await expect(self.response).to_contain_text(text, timeout=15_000)


@pytest.fixture
def world() -> Iterator[World]:
    with serving() as world:
        yield world


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(WATCH_POLICY)
    yield context
    await context.close()


@pytest.fixture
async def visit(context: BrowserContext, world: World) -> AsyncIterator[Visit]:
    """GraphiQL, open. Fails the test for a request elsewhere, a message on the console or a breach of the policy."""
    visit = Visit(await context.new_page(), world.url)
    await visit.open()
    yield visit
    assert visit.complaints == []


async def test_signs_in_by_hand_and_queries_with_the_token(visit: Visit) -> None:
    await visit.sign_in("ada@example.com", PASSWORD)
    await expect(visit.bar.get_by_role("status")).to_have_text("Ada Lovelace in Demo")
    await visit.run()
    await visit.answers('"name": "Ada Lovelace"')


async def test_a_refused_sign_in_is_told_in_words(visit: Visit) -> None:
    await visit.sign_in("ada@example.com", "wrong")
    await expect(visit.bar.get_by_role("alert")).to_have_text("Sign-in failed. The e-mail or the password is wrong.")


async def test_stays_signed_in_over_a_reload_and_in_this_tab_only(visit: Visit, context: BrowserContext) -> None:
    await visit.sign_in_as("Ada")
    await visit.open()
    await expect(visit.bar.get_by_role("status")).to_have_text("Ada Lovelace in Demo")
    other = Visit(await context.new_page(), visit.url)
    await other.open()
    await expect(other.bar.get_by_label("E-mail")).to_be_visible()


async def test_what_one_tab_sends_arrives_in_anothers_subscription(visit: Visit, context: BrowserContext) -> None:
    await visit.sign_in_as("Ada")
    await visit.subscribe()

    other = Visit(await context.new_page(), visit.url)
    await other.open()
    await other.sign_in_as("Grace")
    await other.tab("SendMessage")
    await other.run()
    await other.answers('"__typename": "Message"')
    await visit.answers("Hello")
    assert other.complaints == []


async def test_a_subscription_is_refused_in_words_and_stopped_by_the_button(visit: Visit) -> None:
    await visit.type("subscription Wrong { nothing }")
    await visit.run()
    await visit.answers("Cannot query field 'nothing'")
    await visit.sign_in_as("Ada")
    async with visit.page.expect_websocket() as opened:
        await visit.subscribe()
    socket = await opened.value
    async with socket.expect_event("close"):
        await visit.page.get_by_role("button", name=re.compile("^Stop query")).click()
    await expect(visit.page.get_by_role("button", name=re.compile("^Execute query"))).to_be_visible()


async def test_renews_the_tokens_and_opens_the_socket_again_with_them(visit: Visit, world: World) -> None:
    world.token_seconds = 4
    await visit.sign_in_as("Ada")
    await visit.subscribe()
    first, second = await world.greeting(), await world.greeting()
    assert first and second and first != second
    assert world.tokens[second.removeprefix("Bearer ")] == "Ada Lovelace"
    await expect(visit.bar.get_by_role("status")).to_have_text("Ada Lovelace in Demo")


async def test_subscribes_again_when_the_server_closed_the_socket(visit: Visit, world: World) -> None:
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await visit.page.route_web_socket("**/graphql", through)
    await visit.open()  # only sockets of a page opened from now on go through
    await visit.sign_in_as("Ada")
    await visit.subscribe()
    greeting = await world.greeting()
    await sockets[0].close(code=4403, reason="Forbidden")
    assert await world.greeting() == greeting
    assert len(sockets) == 2


async def test_a_revoked_session_ends_with_the_reason(visit: Visit, world: World) -> None:
    world.token_seconds = 4
    await visit.sign_in_as("Ada")
    world.tokens.clear()
    await expect(visit.bar.get_by_role("alert")).to_have_text(
        "The session has ended. This session was revoked. Sign in again.", timeout=15_000
    )
    await expect(visit.bar.get_by_label("E-mail")).to_be_visible()


async def test_signing_out_starts_the_socket_again_as_nobody(visit: Visit, world: World) -> None:
    await visit.sign_in_as("Ada")
    await visit.subscribe()
    await visit.bar.get_by_role("button", name="Sign out").click()
    await visit.answers("Sign in to listen.")
    assert [await world.greeting(), await world.greeting()][1] is None
    assert await visit.page.evaluate("sessionStorage.length") == 0


async def test_the_headers_tab_wins_over_the_session(visit: Visit, world: World) -> None:
    grace = world.sign_in("Grace Hopper").access_token
    await visit.sign_in_as("Ada")
    await visit.page.get_by_role("button", name="Headers").click()
    await visit.type(f'{{"Authorization": "Bearer {grace}"}}', "Headers")
    await visit.run()
    await visit.answers('"name": "Grace Hopper"')

    await visit.subscribe()
    await visit.answers('"author": "Grace Hopper"')


async def test_goes_on_as_whoever_an_operation_signed_in(visit: Visit) -> None:
    await visit.type(
        f'mutation {{ signIn(input: {{ email: "grace@example.com", password: "{PASSWORD}" }}) '
        "{ ... on SignedIn { accessToken refreshToken expiresAt } } }",
    )
    await visit.run()
    await expect(visit.bar.get_by_role("status")).to_have_text("Grace Hopper in Demo")


async def test_explorer_documentation_and_history_open(visit: Visit) -> None:
    await visit.page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(visit.page.locator(".graphiql-explorer-root")).to_contain_text("me")
    await visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(visit.page.get_by_role("region", name="Documentation Explorer")).to_contain_text("Mutation")
    await visit.run()
    await visit.page.get_by_role("button", name="Show History").click()
    await expect(visit.page.get_by_role("region", name="History")).to_contain_text("Me")


async def test_an_absent_server_is_told_in_words(visit: Visit, context: BrowserContext) -> None:
    await context.set_offline(True)
    await visit.run()
    await visit.answers("The server does not answer. Is it running?")
    visit.complaints.clear()  # the browser itself reports the failed request


@pytest.mark.parametrize(("scheme", "lightest"), [("light", True), ("dark", False)])
async def test_the_bar_has_the_colours_of_the_theme(
    browser: Browser, world: World, scheme: str, lightest: bool
) -> None:
    page = await browser.new_page(color_scheme="light" if scheme == "light" else "dark")
    visit = Visit(page, world.url)
    await visit.open()
    colours = "(element) => { const style = getComputedStyle(element); return [style.backgroundColor, style.color]; }"
    back, front = (sum(map(int, re.findall(r"\d+", one)[:3])) for one in await visit.bar.evaluate(colours))
    assert (back > front) is lightest
    assert visit.complaints == []
    await page.close()
