"""AUD-1 to AUD-3 as clients meet them: who did what from where, what it was before, and that nobody has changed it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.merkle import Sibling
from app.services.audit import heads
from tests.world import Data, Person, Processes, until

AGENT = "Scribe/1.0 (canary)"


async def test_an_entry_says_who_did_what_from_where_and_what_it_was_before(company: list[Person]) -> None:
    owner, ada, _ = company
    given = {"input": {"userId": ada.id, "role": "ADMIN"}}
    text = "mutation($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) { __typename } }"
    headers = {"User-Agent": AGENT, "X-Request-Id": "request-of-the-owner"}
    assert (await owner.post(text, given, **headers)).status_code == 200
    entry = await _entry(owner, lambda one: one["requestId"] == "request-of-the-owner")
    assert (entry["action"], entry["door"], entry["user"]["id"]) == ("membership.changed", "graphql", owner.id)
    assert entry["targets"] == [{"name": "user", "id": ada.id.partition("_")[2]}]
    assert entry["details"].items() >= {"state": "active", "role": "admin"}.items()
    assert entry["changes"] == [{"field": "role", "before": "member", "after": "admin"}]
    assert entry["place"] == {"address": owner.address, "agent": AGENT}


async def test_what_the_platform_did_says_by_which_job(company: list[Person]) -> None:
    owner = company[0]
    slug = (await owner.call("organization"))["slug"]
    await owner.call("deleteOrganization", input={"slug": slug})
    await owner.call("cancelOrganizationDeletion")
    entry = await _entry(owner, lambda one: one["action"] == "organization_deletion.cancelled")
    assert entry["user"]["id"] == owner.id
    assert entry["changes"] is None


async def test_who_reads_addresses_or_the_trail_is_in_it(company: list[Person]) -> None:
    owner, ada, grace = company
    await owner.ask("{ users { nodes { email } } me { email } }")
    shown = sorted(one.id.partition("_")[2] for one in (ada, grace))
    entry = await _entry(owner, lambda one: one["details"].get("subjects") == shown)
    assert (entry["action"], entry["details"]["what"]) == ("data.disclosed", "user.email")
    assert await _entry(owner, lambda one: one["details"].get("what") == "audit.entries")
    await ada.ask("{ users { nodes { email } } }")
    await ada.call("updateProfile", input={"name": "Ada"})
    await _entry(owner, lambda one: one["action"] == "profile.changed")
    found = await owner.call("auditEntries", filter={"actorId": {"eq": ada.id}})
    assert "data.disclosed" not in [one["action"] for one in found["nodes"]], "she was shown none but her own"


async def test_entries_are_found_by_what_is_asked(company: list[Person]) -> None:
    owner, ada, grace = company
    await owner.call("suspendMember", input={"userId": grace.id})
    await _entry(owner, lambda one: one["details"].get("state") == "suspended")
    about = (await owner.call("auditEntries", about=grace.id))["nodes"]
    assert {one["action"] for one in about} >= {"membership.changed"}
    assert all(grace.id.partition("_")[2] in json.dumps(one) for one in about)
    by = (await owner.call("auditEntries", filter={"actorId": {"eq": ada.id}}))["nodes"]
    assert by
    assert {one["user"]["id"] for one in by} == {ada.id}
    actions = {"and": [{"action": {"eq": "membership.changed"}}, {"actorId": {"eq": owner.id}}]}
    assert {one["action"] for one in (await owner.call("auditEntries", filter=actions))["nodes"]} == {
        "membership.changed"
    }
    listed = (await owner.call("auditEntries", first=100))["nodes"]
    numbers = [one["number"] for one in listed]
    assert numbers == list(range(numbers[0], 0, -1)), "without gaps, the newest first"
    for wrong in ("Nonsense", "User_1", ""):
        assert (await owner.call("auditEntries", about=wrong))["nodes"] == []


async def test_staff_see_what_happened_in_no_organization(company: list[Person]) -> None:
    staff = company[0].world.staff
    assert staff
    again = await company[0].again()

    async def signed_in() -> Any:
        found = (await staff.call("platformAuditEntries", about=again.id))["nodes"]
        return next((one for one in found if one["action"] == "session.started"), None)

    entry = await until(signed_in)
    assert entry["place"]["address"] == again.address
    assert await company[0].refused("platformAuditEntries") == "FORBIDDEN"


async def test_an_entry_can_be_proved_without_the_server(
    company: list[Person], processes: Processes, tmp_path: Path
) -> None:
    owner = company[0]
    staff = owner.world.staff
    assert staff
    entry = await _entry(owner, lambda one: one["action"] == "organization.created")
    await staff.call("runSchedule", input={"name": "sign_audit_heads"})
    proof = await until(lambda: owner.call("auditProof", entryId=entry["id"]))
    path = [Sibling(bytes.fromhex(one["hash"]), left=one["left"]) for one in proof["path"]]
    content, statement = proof["content"].encode(), proof["statement"].encode()
    signature, key = bytes.fromhex(proof["signature"]), bytes.fromhex(proof["publicKey"])
    assert heads.proves(heads.Proof(content, path, statement, signature, key))
    assert json.loads(content)["_id"] == entry["id"].partition("_")[2]
    assert f"{json.loads(statement)['key']}  {key.hex()}" in processes.run("audit", "key")
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    assert "is in the signed head" in processes.run("audit", "check", str(file), key.hex())
    file.write_text(json.dumps({**proof, "content": proof["content"].replace("created", "deleted")}))
    assert "proves nothing" in processes.run("audit", "check", str(file), key.hex(), status=1)
    assert "not a proof" in " ".join(processes.run("audit", "check", str(file), "zz", status=1).split())


async def test_everything_is_as_it_was_written(company: list[Person], processes: Processes) -> None:
    organization = company[0].organization
    assert "as they were written" in processes.run("audit", "verify")
    assert "of 1 chains" in processes.run("audit", "verify", "--organization", organization)
    assert "is not the id" in processes.run("audit", "verify", "--organization", "x", status=1)


async def _entry(person: Person, which: Callable[[Data], bool]) -> Any:
    """The newest entry that is meant, as soon as it is there."""

    async def found() -> Data | None:
        listed = (await person.call("auditEntries", first=100))["nodes"]
        return next((one for one in listed if which(one)), None)

    return _plain(await until(found))


def _plain(value: Any) -> Any:
    """An answer without the names of types."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key != "__typename"}
    return [_plain(one) for one in value] if isinstance(value, list) else value
