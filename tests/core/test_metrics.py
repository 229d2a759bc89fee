"""Figures: what Prometheus is shown, and where."""

import re
import socket

import httpx
import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from app.core import metrics
from app.core.listening import PortInUse
from app.dev.children import free_port

LABELS = {"service", "outcome", "reason", "consumer", "queue", "saga", "schedule", "state", "throttle", "tier", "kind"}
LABELS |= {"channel", "provider"}


def test_names_say_what_they_are() -> None:
    declared = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]
    assert len(declared) > 10
    for one in declared:
        (family,) = one.describe()
        assert re.fullmatch(r"atrium_[a-z_]+", family.name)
        assert family.documentation.endswith("."), family.name
        assert set(one._labelnames) <= LABELS


async def test_figures_of_an_object_are_shown_as_they_are_when_somebody_asks() -> None:
    figures = {"leading": 0.0, "events": 7.0}
    metrics.follow("tested", lambda: figures, totals=("events",))
    port = free_port()
    with metrics.exposed("127.0.0.1", port):
        figures["leading"] = 1.0
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(f"http://127.0.0.1:{port}/metrics")
        families = {family.name: family for family in text_string_to_metric_families(response.text)}
    del metrics._followed.sources["tested"]
    assert (families["atrium_tested_leading"].type, families["atrium_tested_leading"].samples[0].value) == ("gauge", 1)
    (sample,) = families["atrium_tested_events"].samples
    assert (families["atrium_tested_events"].type, sample.name, sample.value) == (
        "counter",
        "atrium_tested_events_total",
        7,
    )
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "it still listens"


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = rf"port {port} of 127\.0\.0\.1.*its own METRICS_PORT"
        with pytest.raises(PortInUse, match=told), metrics.exposed("127.0.0.1", port):
            raise AssertionError("it listens")


def test_no_port_no_listener() -> None:
    with metrics.exposed("127.0.0.1", 0):
        assert REGISTRY.get_sample_value("atrium_started") is not None
