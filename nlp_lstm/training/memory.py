"""The most memory that this process has had."""

from __future__ import annotations

import re
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

_STATUS = Path("/proc/self/status")


def peak_memory() -> int | None:
    """Return the most memory this process has had at once since it started, in bytes; None where nothing tells.

    Linux says it in `/proc`: what `getrusage` says there begins with the peak of the process that started this one.
    """
    if _STATUS.is_file():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
