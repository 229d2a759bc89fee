"""What the processes of a deployment hold, again and again, and by how much it grows."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import linear_regression

import psutil
from pymongo.errors import PyMongoError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.deployment import Deployment

WARM_UP = 0.25
"""The share of the samples at the beginning that say nothing of growth: caches and pools fill."""


@dataclass
class Samples:
    """By name, such as `server-0 MB`: the hours since the start, and the figure."""

    every: float
    series: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    _begun: float = field(default_factory=time.monotonic)

    async def collect(self, deployment: Deployment) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self.every)
            hours = (time.monotonic() - self._begun) / 3600
            for name, figure in (await _figures(deployment)).items():
                self.series[name].append((hours, figure))

    def slopes(self) -> Mapping[str, float]:
        """By how much each figure grows in an hour."""
        found = {}
        for name, samples in self.series.items():
            steady = samples[int(len(samples) * WARM_UP) :]
            if len(steady) > 1:
                hours, figures = zip(*steady, strict=True)
                found[name] = linear_regression(hours, figures).slope
        return found


async def _figures(deployment: Deployment) -> dict[str, float]:
    """Without those of what is away just now."""
    found: dict[str, float] = {}
    for member in [*deployment.servers, *deployment.workers]:
        process = psutil.Process(member.pid)
        found |= {f"{member} MB": process.memory_info().rss / 1e6, f"{member} files": float(process.num_fds())}
        found[f"{member} threads"] = float(process.num_threads())
    try:
        status = await deployment.database.command("serverStatus")
        found |= {
            "MongoDB cursors": float(status["metrics"]["cursor"]["open"]["total"]),
            "MongoDB connections": float(status["connections"]["current"]),
        }
        async with Redis.from_url(deployment.redis_url) as redis:
            found["Valkey clients"] = float((await redis.info("clients"))["connected_clients"])
    except (PyMongoError, RedisError):
        pass
    return found
