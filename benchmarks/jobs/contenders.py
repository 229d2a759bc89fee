"""Who is measured, and how each is set up. docs/performance.md says why so."""

import os

from benchmarks.jobs import with_arq, with_atrium, with_celery
from benchmarks.jobs.stage import Contender

_CELERY = [
    *("celery", "--app=benchmarks.jobs.with_celery", "worker", f"--concurrency={os.cpu_count()}", "--loglevel=WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
_ARQ = ["arq", "benchmarks.jobs.with_arq.Settings"]

_ATRIUM = "benchmarks.jobs.with_atrium"

ATRIUM = Contender("Atrium, effect keyed by the job", [_ATRIUM, "keyed"], with_atrium.enqueue)
ATRIUM_ATOMIC = Contender("Atrium, in one transaction", [_ATRIUM, "atomic"], with_atrium.enqueue)
ARQ = Contender("arq as it comes", _ARQ, with_arq.enqueue)
ARQ_TUNED = Contender("arq, tuned", _ARQ, with_arq.enqueue, {"POLL_DELAY": "0.02", "MAX_JOBS": "50"})
CELERY_EARLY = Contender("Celery as it comes", _CELERY, with_celery.enqueue, {"LATE": "0"})
CELERY_ONE = Contender("Celery, acks_late, one prefetched", _CELERY, with_celery.enqueue, {"PREFETCH": "1"})
CELERY = Contender("Celery, acks_late", _CELERY, with_celery.enqueue)

MEASURED = (ATRIUM, ATRIUM_ATOMIC, ARQ, ARQ_TUNED, CELERY_ONE, CELERY)
"""The last one is what the others are compared with."""
KILLED = (ATRIUM, ATRIUM_ATOMIC, ARQ, CELERY_EARLY, CELERY)
