"""What every job does, whoever runs it: store one document, acknowledged by a majority, under the job's own id.

effects  {_id: job id, number, started}     `started` in seconds of the monotonic clock that all processes share
begun    {_id, number}                      one for each time that a slow job was begun
"""

import time
from typing import Any

EFFECTS = "effects"
BEGUN = "begun"
CAUSES = "causes"


def effect(job_id: str, number: int) -> dict[str, Any]:
    """To be made in the first line of a handler."""
    return {"_id": job_id, "number": number, "started": time.monotonic()}
