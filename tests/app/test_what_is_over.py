"""What somebody was allowed once opens nothing later: places that are lost, tokens that are spent, rehearsals."""

from dataclasses import replace

from tests.world import PASSWORD, Person, World, organization, until

MARK = """mutation($input: MarkReadInput!, $key: String) { markRead(input: $input, idempotencyKey: $key) { __typename
  ... on Conversation { participants { id } messages { nodes { text } } } } }"""
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) @dryRun { __typename } }"
SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  ... on SignedIn { user { id email showsPresence } } } }"""
REFRESH = """mutation($input: RefreshSessionInput!, $key: String) {
  refreshSession(input: $input, idempotencyKey: $key) {
    ... on SignedIn { refreshToken } ... on UserError { code } } }"""


async def test_a_repeated_request_shows_nothing_of_what_came_since(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace, title="Group")
    await ada.send(conversation, "while grace is in")
    asked = {"input": {"conversationId": conversation}, "key": "mine"}
    before = (await grace.ask(MARK, **asked))["markRead"]
    assert len(before["messages"]["nodes"]) == 1
    await ada.call("removeConversationMember", input={"conversationId": conversation, "userId": grace.id})
    await ada.send(conversation, "after grace was taken out")
    again = (await grace.ask(MARK, **asked))["markRead"]
    assert again == {"__typename": "Conversation", "participants": [], "messages": {"nodes": []}}


async def test_who_leaves_the_organization_leaves_its_groups(company: list[Person]) -> None:
    owner, ada, grace = company
    group, pair = await ada.start(grace, owner, title="Group"), await ada.start(grace)
    await owner.call("removeMember", input={"userId": grace.id})

    async def gone() -> bool:
        query = "query($id: ID!) { conversation(id: $id) { participants { user { id } } } }"
        sides = (await ada.ask(query, id=group))["conversation"]["participants"]
        return grace.id not in [side["user"]["id"] for side in sides]

    await until(gone)
    assert await ada.call("conversation", id=pair)


async def test_a_spent_refresh_token_ends_its_session_in_a_keyed_request_too(world: World) -> None:
    person = await world.person("Nadia")
    spent = {"input": {"refreshToken": person.refresh_token}}
    new = (await person.ask(REFRESH, **spent))["refreshSession"]["refreshToken"]
    thief = {"User-Agent": "another client, which may not ask again as the person's own may"}
    told = (await person.post(REFRESH, {**spent, "key": "k"}, **thief)).json()
    assert told["data"]["refreshSession"]["code"] == "SESSION_OVER"
    anybody = Person(world, "Anybody", "")  # the access token has ended with its session, a moment sooner or later
    answer = await anybody.ask(REFRESH, input={"refreshToken": new})
    assert answer["refreshSession"]["code"] == "SESSION_OVER"


async def test_neither_a_switch_nor_a_rehearsal_gives_a_refresh_token_away(world: World) -> None:
    person = await world.person("Nadia")
    await organization(person)
    switched = await person.call("switchOrganization", input={"organizationId": person.organization})
    assert switched["refreshToken"] is None
    rehearsed = REFRESH.replace(
        "refreshSession(input: $input, idempotencyKey: $key)", "refreshSession(input: $input) @dryRun"
    )
    rehearsed = rehearsed.replace(", $key: String", "")
    given = (await person.ask(rehearsed, input={"refreshToken": person.refresh_token}))["refreshSession"][
        "refreshToken"
    ]
    real = (await person.ask(REFRESH, input={"refreshToken": person.refresh_token}))["refreshSession"]["refreshToken"]
    assert given.rpartition(".")[0] == real.rpartition(".")[0]
    assert given != real
    assert (await person.ask(REFRESH, input={"refreshToken": given}))["refreshSession"]["code"] == "SESSION_OVER"


async def test_a_rehearsal_tells_strangers_nothing(world: World) -> None:
    known = await world.person("Nadia")
    stranger = replace(known, token="")
    answers = [
        await stranger.answer(REGISTER, input={"email": email, "password": PASSWORD, "name": "Nadia"})
        for email in (known.email, f"not.{known.email}")
    ]
    assert [answer["extensions"]["dryRun"] for answer in answers] == [{"register": {"events": []}}] * 2


async def test_a_rehearsal_that_is_merged_with_the_real_thing_stays_one(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    send = f'sendMessage(input: {{conversationId: "{conversation}", text: "never said"}})'
    await ada.ask(f"mutation {{ {send} {{ __typename }} {send} @dryRun {{ ... on Message {{ text }} }} }}")
    assert (await ada.call("conversation", id=conversation))["lastMessage"] is None
    misplaced = f"mutation {{ {send} {{ __typename @dryRun }} }}"
    assert await ada.code(misplaced) == "GRAPHQL_VALIDATION_FAILED"
    assert await ada.code("{ me @dryRun { id } }") == "GRAPHQL_VALIDATION_FAILED"


async def test_who_signs_in_sees_their_own_address_at_once(world: World) -> None:
    person = replace(await world.person("Nadia"), token="")
    signed_in = (await person.ask(SIGN_IN, input={"email": person.email, "password": PASSWORD}))["signIn"]
    assert signed_in["user"] == {"id": person.id, "email": person.email, "showsPresence": True}
