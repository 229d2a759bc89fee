"""Durable jobs: an event type with a handler. It rides in the write that tells the event and runs until it succeeds."""

from app.core.jobs.acceptance import accepting
from app.core.jobs.declaration import Job, JobType, Permanent, job
from app.core.jobs.queue import prepare
from app.core.jobs.runner import Runner

__all__ = ["Job", "JobType", "Permanent", "Runner", "accepting", "job", "prepare"]
