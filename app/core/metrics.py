"""What a process counts and measures, in the words of Prometheus; docs/operations.md says what each figure is for.

Labels take few values, all named in the source: never an id, an address or a person.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from app.core.listening import PortInUse

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

STARTED = Gauge("atrium_started", "Whether the process has all it needs for its work.")
DRAINING = Gauge("atrium_draining", "Whether the process is about to stop.")

OUTSIDE_CALLS = Histogram(
    "atrium_outside_call_seconds",
    "Calls to outside services, by how they ended: ok, rejected, failed, timeout or cancelled.",
    ["service", "outcome"],
    buckets=_SECONDS,
)
OUTSIDE_REFUSED = Counter(
    "atrium_outside_refused_total", "Calls that were not made: the circuit was open, or too many waited.",
    ["service", "reason"],
)  # fmt: skip
OUTSIDE_IN_USE = Gauge("atrium_outside_in_use", "Calls being made now.", ["service"])
OUTSIDE_WAITING = Gauge("atrium_outside_waiting", "Callers that wait for their turn.", ["service"])
CIRCUITS_OPEN = Gauge("atrium_circuits_open", "Circuit breakers that are open or probe.", ["service"])
CIRCUIT_OPENINGS = Counter("atrium_circuit_openings_total", "How often a circuit breaker opened.", ["service"])

STUCK = Counter(
    "atrium_rows_stuck_total", "What had come due and could not be done; others were not held up.", ["kind"]
)

LOCKS_HELD = Gauge("atrium_locks_held", "Distributed locks that this process holds.")
LOCKS_LOST = Counter("atrium_locks_lost_total", "Locks that were lost before they were let go.")

DOCUMENTS = Counter(
    "atrium_documents_total",
    "Named documents: hit in this process, fetched, missed, stored as automatic persisted queries, or refused.",
    ["outcome"],
)

THROTTLED = Counter(
    "atrium_throttled_total",
    "Attempts at what is throttled: passed, refused, or, uncounted without Redis, let through (open) or not (closed).",
    ["throttle", "outcome"],
)

RATE_LIMITED = Counter(
    "atrium_rate_limited_total", "Requests that were refused, by the tier and the kind of bucket that was empty.",
    ["tier", "kind"],
)  # fmt: skip
RATE_LEASES = Counter(
    "atrium_rate_leases_total",
    "Chunks of points that were asked for: given, empty, or, without Redis, counted here (open) or refused (closed).",
    ["outcome"],
)

DELIVERIES = Counter(
    "atrium_deliveries_total", "Attempts to send something to somebody, by the channel and how they ended.",
    ["channel", "state"],
)  # fmt: skip

ATOMIC_ATTEMPTS = Histogram(
    "atrium_atomic_attempts", "Runs that one transaction needed; beyond the first, for write conflicts and failovers.",
    buckets=(1, 2, 3, 5, 8, 13, 21),
)  # fmt: skip
CONSUMER_DELAY = Gauge(
    "atrium_consumer_delay_seconds", "Age of the oldest change that a consumer which runs here has still to handle.",
    ["consumer"],
)  # fmt: skip
CONSUMER_POSITION = Gauge("atrium_consumer_position", "How far a consumer that runs here has come.", ["consumer"])
HUB_DELAY = Histogram(
    "atrium_hub_delay_seconds", "From a change's place in the log to its subscribers in this process.", buckets=_SECONDS
)
UNREAD_EVENTS = Gauge("atrium_unread_events", "Events of a release that no worker knows, kept until one does.")
WAKE_FAILURES = Counter("atrium_wake_failures_total", "Hints to workers that could not be sent; their poll finds it.")

JOB_DELAY = Histogram(
    "atrium_job_delay_seconds", "From the moment that a job was ready to its start.", ["queue"], buckets=_SECONDS
)
JOB_SECONDS = Histogram(
    "atrium_job_seconds",
    "Attempts at jobs, by how they ended: done, failed, postponed, dead, cancelled, overtaken or handed_back.",
    ["queue", "outcome"],
    buckets=(*_SECONDS, 60, 300, 1800),
)
SAGA_STEPS = Counter(
    "atrium_saga_steps_total",
    "Calls of sagas' steps, by how they ended: done, again, failed, postponed, turned_back or stuck.",
    ["saga", "outcome"],
)
WEBHOOK_ATTEMPTS = Counter(
    "atrium_webhook_attempts_total", "Attempts at telling an endpoint: delivered, failed, or given_up for good.",
    ["outcome"],
)  # fmt: skip
WEBHOOK_DELAY = Histogram(
    "atrium_webhook_delay_seconds",
    "From an event to its delivery, where the first attempt was enough.",
    buckets=(*_SECONDS, 60, 300, 1800),
)
RECONCILED = Counter(
    "atrium_reconciled_total", "What differed from what a provider of payments has, and was mended, by what it was.",
    ["provider", "kind"],
)  # fmt: skip
JOBS_RUNNING = Gauge("atrium_jobs_running", "Jobs that run in this process.", ["queue"])

Figures = Callable[[], Mapping[str, float]]


class _Followed(Collector):
    """Figures that an object keeps itself, read when somebody asks."""

    def __init__(self) -> None:
        self.sources: dict[str, tuple[Figures, Collection[str]]] = {}
        self.counts: dict[str, tuple[str, str, Figures]] = {}

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for name, (words, label, figures) in list(self.counts.items()):
            family = CounterMetricFamily(f"atrium_{name}", words, labels=[label])
            for of, count in figures().items():
                family.add_metric([of], count)
            yield family
        for name, (figures, totals) in list(self.sources.items()):
            for figure, value in figures().items():
                kind = CounterMetricFamily if figure in totals else GaugeMetricFamily
                yield kind(f"atrium_{name}_{figure}", f"The {name}'s {figure.replace('_', ' ')}.", value)


_followed = _Followed()
REGISTRY.register(_followed)


def follow(name: str, figures: Figures, *, totals: Collection[str] = ()) -> None:
    """Show `atrium_<name>_<figure>` for each of an object's figures; those in `totals` only ever grow.

    The function is called in another thread: it reads attributes and does nothing else.
    """
    _followed.sources[name] = figures, totals


def follow_counts(name: str, words: str, label: str, figures: Figures) -> None:
    """Show `atrium_<name>_total` by the values of a label, as an object counts them itself; they only ever grow."""
    _followed.counts[name] = words, label, figures


@contextmanager
def exposed(host: str, port: int) -> Iterator[None]:
    """Answer Prometheus at /metrics, in a thread, for as long as the context is open; port 0: not. Raises PortInUse."""
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        raise PortInUse(
            f"Cannot show metrics on port {port} of {host}: {error.strerror}. Each process needs its own METRICS_PORT."
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
