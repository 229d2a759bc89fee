"""How many files a process may have open; every socket is one."""

import sys
from contextlib import suppress


def allow_files() -> int:
    """Let the process have as many files as the system permits it, and say how many."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names no limit, and does not take that
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
