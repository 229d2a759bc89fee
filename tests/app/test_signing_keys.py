"""S15: the public keys of access tokens, and what a rotation is to those who are signed in."""

import jwt

from tests.world import Person, Processes, World


async def test_whoever_fetches_the_keys_can_verify_a_token(people: list[Person]) -> None:
    ada = people[1]
    response = await ada.world.http.get(f"{ada.world.url}/.well-known/jwks.json")
    keys = jwt.PyJWKSet.from_dict(response.json())
    header = jwt.get_unverified_header(ada.token)
    assert header["typ"] == "at+jwt"
    said = jwt.decode(ada.token, keys[header["kid"]], ["EdDSA"], audience="atrium", issuer=f"{ada.world.url}/")
    assert ada.id == f"User_{said['sub']}"
    assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in response.json()["keys"])
    assert "max-age" in response.headers["cache-control"]
    assert response.headers["access-control-allow-origin"] == "*"


async def test_a_rotation_ends_no_session(people: list[Person], twin: World, processes: Processes) -> None:
    ada = await people[1].again()
    assert "signs from" in processes.run("keys", "rotate")
    assert processes.run("keys", "list").count("believed") >= 1
    for world in (ada.world, twin):
        elsewhere = await ada.again(world)
        for token in (ada.token, elsewhere.token):
            elsewhere.token = token
            assert (await elsewhere.call("me"))["id"] == ada.id
