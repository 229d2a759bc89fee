"""What one looks at first: a page of 20 conversations with the newest message, the members and what is unread."""

import orjson

from benchmarks.clients import Target, ask, hammer, post
from benchmarks.figures import Contestant, Measurement, Round, WrongAnswer
from benchmarks.stage import Stage

CLIENTS = 16

QUERY = """{ conversations(first: 20) {
  nodes { id title unreadCount lastMessage { text sender { name } } participants { user { id name } } }
  pageInfo { hasNextPage endCursor } } }"""


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless both answer the same, and it is a whole page."""
    request = post("/graphql", orjson.dumps({"query": QUERY}), stage.data.reader.token)
    atrium = await _target(stage.api_port, request, stage.pids(stage.api_pid))
    by_hand = await _target(stage.by_hand_port, post("/conversations", b"{}"), stage.pids(stage.by_hand_pid))
    if await ask(atrium) != await ask(by_hand):
        raise WrongAnswer(f"Atrium: {await ask(atrium)!r}\nBy hand: {await ask(by_hand)!r}")

    def contestant(name: str, target: Target) -> Contestant:
        async def turn(seconds: float) -> Round:
            return await hammer(target, CLIENTS, seconds)

        return Contestant(name, turn)

    return Measurement(
        f"A page of 20 conversations, {CLIENTS} clients",
        "requests",
        [contestant("Atrium, over HTTP", atrium), contestant("Starlette + PyMongo + orjson, by hand", by_hand)],
    )


async def _target(port: int, request: bytes, pids: dict[str, int]) -> Target:
    """Nothing changes what the reader sees, so a right answer is the first one again."""
    first = await ask(Target(port, lambda: request, bool, pids))
    try:
        nodes = orjson.loads(first)["data"]["conversations"]["nodes"]
        whole = len(nodes) == 20 and all(n["lastMessage"] and n["participants"] for n in nodes)
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise WrongAnswer(f"This is no page of conversations: {first!r}")
    return Target(port, lambda: request, lambda body: body == first, pids)
