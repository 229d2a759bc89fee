"""The calls of a scene by which staff steer jobs, queues, schedules, consumers and sagas."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.app.accounts import given, nothing

Arguments = dict[str, Any]

CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "queues": nothing,
    "schedules": nothing,
    "consumers": nothing,
    "changeLog": nothing,
    "platformDeliveries": lambda _: {"first": 3, "state": "SENT"},
    "sagas": lambda _: {"first": 3, "state": "STUCK"},
    "saga": lambda s: {"id": s.saga},
    "resumeSaga": given(sagaId=lambda s: s.saga),
    "cancelSaga": given(sagaId=lambda s: s.waiting_saga, reason=lambda _: "Enough."),
    "retryJob": given(jobId=lambda s: s.job),
    "cancelJob": given(jobId=lambda s: s.waiting_job),
    "dropJob": given(jobId=lambda s: s.job),
    "retryDeadJobs": lambda s: {"filter": {"organizationId": {"eq": s.organization}}},
    "dropDeadJobs": lambda s: {"filter": {"organizationId": {"eq": s.organization}}},
    "pauseQueue": given(queue=lambda _: "SLOW"),
    "resumeQueue": given(queue=lambda _: "SLOW"),
    "pauseSchedule": given(name=lambda _: "trim_log"),
    "resumeSchedule": given(name=lambda _: "trim_log"),
    "runSchedule": given(name=lambda _: "trim_log"),
    "pauseConsumer": given(name=lambda _: "activity"),
    "resumeConsumer": given(name=lambda _: "activity", skip=lambda _: False),
    "jobProgress": lambda s: {"id": s.job},
    "jobCounts": nothing,
}
