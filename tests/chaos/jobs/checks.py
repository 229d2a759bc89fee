"""What must hold in the end: every order's jobs are there once, done once, and so is every tick of the clock."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core import database
from app.core.jobs import Tick
from tests.chaos.jobs import effects, shop
from tests.faults.histories import History

ENDED = ("done", "dead")


@dataclass
class Figures:
    """What a run was in numbers; executions are without those that were meant to fail."""

    jobs: int = 0
    ticks: int = 0
    states: Counter[str] = field(default_factory=Counter)
    executions: int = 0
    effects: int = 0

    @property
    def ratio(self) -> float:
        return self.executions / max(1, self.effects)


async def problems(history: History, over: datetime) -> list[str]:
    """What does not hold, of all that was caused until a moment."""
    rows = await database.collection("jobs").find({"type": {"$ne": shop.tick.type}}).to_list()
    found = []
    for job in shop.OF_AN_ORDER:
        made = [row["event"]["d"]["order"] for row in rows if row["type"] == job.type]
        found += [f"jobs to {job.name}: {problem}" for problem in history.problems(made)]
        had = [key.partition(" ")[2] for key in await effects.kept(f"{job.name} ")]
        found += [f"effects of {job.name}: {problem}" for problem in history.problems(had)]
    orders = await database.collection(shop.Order.collection).count_documents({"_id": {"$regex": "^producer"}})
    counted = sum([row["orders"] async for row in database.collection(shop.Shop.collection).find()])
    if counted != orders:
        found.append(f"the shops count {counted} orders, and there are {orders}")
    states = Counter(row["state"] for row in rows) + await _states_of_ticks(over)
    found += [f"{count} jobs are {state}" for state, count in states.items() if state != "done"]
    return [*found, *await _ticks(over)]


async def figures(over: datetime) -> Figures:
    """The numbers of a run that ended at a moment, and has drained since."""
    until = {"$or": [{"tick": {"$exists": False}}, {"tick": {"$lte": over}}]}
    rows = await database.collection("jobs").find(until, {"type": 1, "state": 1}).to_list()
    mine = {row["_id"] for row in rows}
    tries = [note for note in await effects.executions() if note["job"] in mine and not note["meant_to_fail"]]
    ticks = sum(row["type"] == shop.tick.type for row in rows)
    done = sum(row["state"] == "done" for row in rows)
    return Figures(len(rows), ticks, Counter(row["state"] for row in rows), len(tries), done)


async def _states_of_ticks(over: datetime) -> Counter[str]:
    rows = database.collection("jobs").find({"type": shop.tick.type, "tick": {"$lte": over}}, {"state": 1})
    return Counter([row["state"] async for row in rows])


async def _ticks(over: datetime) -> Iterable[str]:
    """Each second from the first that was seen until a moment, once."""
    counted = Counter(await effects.kept("tick "))
    first = await database.collection("jobs").find_one({"type": shop.tick.type}, sort=[("tick", 1)])
    if first is None:
        return ["no tick was seen"]
    seconds = range(int((over - first["tick"]).total_seconds()) + 1)
    keys = [f"tick {Tick(first['tick'] + timedelta(seconds=second)).key()}" for second in seconds]
    wrong = {key: counted[key] for key in keys if counted[key] != 1}
    return [f"{len(wrong)} of {len(keys)} ticks were not run once: {dict(list(wrong.items())[:3])}"] if wrong else []
