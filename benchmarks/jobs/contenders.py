"""Who is measured, and how each is set up. docs/performance.md says why so."""

import os

from benchmarks.jobs import with_arq, with_atrium, with_celery
from benchmarks.jobs.stage import Contender

_CORES = os.cpu_count() or 1
_ATRIUM = "benchmarks.jobs.with_atrium"
_ARQ = ["arq", "benchmarks.jobs.with_arq.Settings"]


def _celery(processes: int) -> list[str]:
    """The command of Celery's worker, without what it tells other workers."""
    celery = ["celery", "--app=benchmarks.jobs.with_celery", "worker", "--loglevel=WARNING"]
    return [*celery, f"--concurrency={processes}", "--without-gossip", "--without-mingle", "--without-heartbeat"]


ATRIUM = Contender("Atrium, effect keyed by the job", [_ATRIUM, "keyed"], with_atrium.enqueue)
ATRIUM_ATOMIC = Contender("Atrium, in one transaction", [_ATRIUM, "atomic"], with_atrium.enqueue)
ARQ = Contender("arq as it comes", _ARQ, with_arq.enqueue)
ARQ_TUNED = Contender("arq, tuned", _ARQ, with_arq.enqueue, {"POLL_DELAY": "0.01", "MAX_JOBS": "50"})
CELERY_EARLY = Contender("Celery as it comes", _celery(_CORES), with_celery.enqueue, {"LATE": "0"})
CELERY_LATE = Contender("Celery, acks_late", _celery(_CORES), with_celery.enqueue)
CELERY_ONE = Contender("Celery, tuned, prefetch 1", _celery(4 * _CORES), with_celery.enqueue, {"PREFETCH": "1"})
CELERY_AFTER = Contender("Celery, tuned, after a write", _celery(4 * _CORES), with_celery.enqueue_after_write)
CELERY = Contender("Celery, tuned (acks_late)", _celery(4 * _CORES), with_celery.enqueue)
"""Most of a process's time is spent waiting for MongoDB's journal, so more of them than cores do more."""

IN_A_RUSH = (ATRIUM, ATRIUM_ATOMIC, ARQ, ARQ_TUNED, CELERY_LATE, CELERY_ONE, CELERY)
AT_A_PACE = (ATRIUM, ATRIUM_ATOMIC, ARQ, ARQ_TUNED, CELERY_AFTER, CELERY)
"""In both, the last one is what the others are compared with."""
KILLED = (ATRIUM, ATRIUM_ATOMIC, ARQ, CELERY_EARLY, CELERY)
