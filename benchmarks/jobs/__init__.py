"""Durable jobs beside arq and Celery, each of which stores one document. docs/performance.md explains."""
