"""A campaign to many, over a bad mail server, while workers are killed: each gets it once, as far as SMTP allows.

The seed decides what the mail server does and who is killed when; the machine decides the rest.
"""

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bson import ObjectId

from app.core.clock import new_id, now
from app.services.notifications.campaign_batches import PART
from tests.app import props
from tests.chaos.mail.office import REFUSED, BadOffice, bad_office
from tests.faults.deployment import Deployment, deployed
from tests.faults.storms import chance
from tests.world import Person, organization

WORKERS = 2
WINDOW = 60.0
"""Seconds over which the rate is looked at: what is let through at once, three seconds' worth, is 5 % of it."""
LAST = 0.02
"""The part of all e-mails that is not counted in their pace."""
TOLERANCE = 1.05
PATIENCE = 900.0

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many e-mails at which rate; a worker is killed every `pause` seconds."""

    seed: int
    emails: int
    per_minute: int
    pause: float


@dataclass
class Outcome:
    """What happened, and what of it must not have."""

    plan: Plan
    accepted: int = 0
    """Addresses that got it."""
    copies: int = 0
    """What came besides, with the same Message-ID: SMTP's moment of doubt."""
    bounced: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    average: float = 0.0
    """E-mails a minute, from the first to the last but for the pause."""
    fastest: float = 0.0
    """E-mails in the busiest WINDOW, in which a short run lies as a whole."""
    problems: list[str] = field(default_factory=list)


async def run(plan: Plan, directory: Path, announce: Announce) -> Outcome:
    """Carry the plan out with processes of its own, whose data and logs are in the directory."""
    outcome = Outcome(plan)
    async with bad_office(chance(plan.seed, "office")) as office:
        given = {"SMTP_URL": f"smtp://127.0.0.1:{office.port}", "MAIL_PER_MINUTE": str(plan.per_minute)}
        async with deployed(directory, servers=1, workers=WORKERS, environment=given) as deployment:
            announce("Founding an organization")
            world = deployment.worlds[0]
            world.store = deployment.database
            owner = await world.person("Olivia")
            await organization(owner)
            people = await _people(plan, deployment, owner, office)
            await props.template(owner)
            campaign = await owner.call(
                "createCampaign",
                input={"name": "News", "templateKey": "news"},
                audience={"locale": {"eq": "eo"}},
            )
            begun = time.monotonic()
            await owner.call("scheduleCampaign", input={"campaignId": campaign["id"]})
            paused = await _until_sent(plan, deployment, owner, campaign["id"], office, outcome, announce)
            outcome.seconds = time.monotonic() - begun
            await _judge(outcome, deployment, office, people, paused)
    return outcome


async def _people(plan: Plan, deployment: Deployment, owner: Person, office: BadOffice) -> set[str]:
    """The addresses of so many new members, some of whom have none."""
    home, draw = ObjectId(owner.organization.partition("_")[2]), chance(plan.seed, "people")
    users, places = [], []
    for number in range(plan.emails):
        id, email = new_id(), f"reader-{number}@example.com"
        known = {"_id": id, "name": f"Reader {number}", "email": email, "locale": "eo", "created_at": now()}
        users.append({**known, "organization_ids": [home]})
        place = {"organization_id": home, "user_id": id, "role": "member", "state": "active"}
        places.append({"_id": new_id(), **place, "created_at": now(), "changed_at": now()})
        if draw.random() < REFUSED:
            office.nobody.add(email)
    await deployment.database["users"].insert_many(users)
    await deployment.database["memberships"].insert_many(places)
    return {f"reader-{number}@example.com" for number in range(plan.emails)}


async def _until_sent(
    plan: Plan, deployment: Deployment, owner: Person, id: str, office: BadOffice, outcome: Outcome, announce: Announce
) -> tuple[float, float]:
    """Kill workers until all is sent; pause once, and answer from when to when."""
    draw, paused = chance(plan.seed, "strikes"), (0.0, 0.0)
    ends, next_strike = time.monotonic() + PATIENCE, time.monotonic() + plan.pause
    while True:
        seen = await _seen(owner, id)
        announce(f"{len(office.taken)} of {plan.emails} taken, {outcome.kills} workers killed, {seen['state']}")
        if seen["state"] == "SENT":
            return paused
        if time.monotonic() > ends:
            outcome.problems.append(f"it was not over in {PATIENCE} seconds: {seen}")
            return paused
        if not paused[1] and len(office.taken) > plan.emails / 3:
            paused = await _pause(owner, id, office)
        if time.monotonic() > next_strike:
            await draw.choice(deployment.workers).restart()
            outcome.kills += 1
            next_strike = time.monotonic() + plan.pause
        await asyncio.sleep(0.5)


async def _pause(owner: Person, id: str, office: BadOffice) -> tuple[float, float]:
    """Pause until nothing comes any more, and go on."""
    begun = time.monotonic()
    assert (await owner.call("pauseCampaign", input={"campaignId": id}))["state"] == "PAUSED"
    seen = -1
    while seen != len(office.moments):
        seen = len(office.moments)
        await asyncio.sleep(3)
    assert (await owner.call("resumeCampaign", input={"campaignId": id}))["state"] == "SENDING"
    return begun, time.monotonic()


async def _seen(owner: Person, id: str) -> Any:
    return next(one for one in (await owner.call("campaigns"))["nodes"] if one["id"] == id)


async def _judge(
    outcome: Outcome, deployment: Deployment, office: BadOffice, people: set[str], paused: tuple[float, float]
) -> None:
    """Compare what the mail server has with what the deliveries say."""
    rows = {row["address"]: row async for row in deployment.database["deliveries"].find({"kind": "campaign"})}
    outcome.accepted, outcome.faults = len(office.taken), office.faults
    outcome.copies = sum(sum(ids.values()) - 1 for ids in office.taken.values())
    outcome.bounced = sum(row["state"] == "bounced" for row in rows.values())
    wrong = outcome.problems
    if missing := people - office.nobody - office.taken.keys():
        wrong.append(f"{len(missing)} did not get it, such as {sorted(missing)[:3]}")
    if strangers := office.taken.keys() - (people - office.nobody) - _others(office):
        wrong.append(f"{len(strangers)} should not have got it")
    for address, ids in office.taken.items():
        if address not in rows:
            continue
        if len(ids) > 1:
            wrong.append(f"{address} got {len(ids)} messages that are not the same")
        if sum(ids.values()) - 1 > rows[address]["doubts"]:
            wrong.append(f"{address} got it {sum(ids.values())} times, with {rows[address]['doubts']} doubts")
    if unsure := [row for row in rows.values() if row["state"] not in ("sent", "bounced")]:
        wrong.append(f"{len(unsure)} are neither sent nor bounced, such as {unsure[0]['state']}")
    if {address for address, row in rows.items() if row["state"] == "bounced"} != office.nobody:
        wrong.append("bounced is not what was refused")
    outcome.average, outcome.fastest = _rates(office.moments, paused)
    if outcome.fastest > outcome.plan.per_minute * TOLERANCE + 1:
        wrong.append(f"{outcome.fastest:.0f} e-mails a minute are more than {outcome.plan.per_minute}")


def _others(office: BadOffice) -> set[str]:
    """Who gets other e-mails: the owner."""
    return {address for address in office.taken if not address.startswith("reader-")}


def _rates(moments: list[float], paused: tuple[float, float]) -> tuple[float, float]:
    """E-mails a minute: on average while they were sent, and in the busiest WINDOW.

    The last of them come when the server that has put them off wants them, and say nothing of the pace.
    """
    if len(moments) < 2:
        return 0.0, 0.0
    most = int((len(moments) - 1) * (1 - LAST))
    length = moments[most] - moments[0] - (paused[1] - paused[0])
    busiest = max(n - bisect_left(moments, moment - WINDOW) + 1 for n, moment in enumerate(moments))
    return most / max(length, 0.001) * 60, float(busiest)


def pace(plan: Plan) -> float:
    """What a campaign alone comes to, in e-mails a minute."""
    return plan.per_minute * PART
