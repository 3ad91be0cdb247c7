"""What the processes of a cluster log, where to, and how others look at it."""

from __future__ import annotations

from millstream.common.logging.log_files import LogFiles

__all__ = ["LogFiles"]
