"""Links by which files are fetched, without a sign-in, for a while."""

from datetime import timedelta

from bson import ObjectId

from app.core import clock
from app.core.settings import settings
from app.services.identity import tokens

STEP = int(timedelta(hours=1).total_seconds())
"""Links are the same for so long, so that what is kept of an answer, and by a browser, is good."""


def url(file_id: ObjectId) -> str:
    """Where the content is for one to two hours."""
    until = (int(clock.source()) // STEP + 2) * STEP
    return settings().address(f"files/{tokens.file(file_id, until)}")
