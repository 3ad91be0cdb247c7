"""What the processes of a cluster log, where to, and how others look at it.

The names here are those that a ``logging.yaml`` may use, and what the processes need.
"""

from __future__ import annotations

from millstream.common.logging.json_formatter import JsonFormatter
from millstream.common.logging.log_files import LogFiles
from millstream.common.logging.log_handler import LogHandler
from millstream.common.logging.logging_setup import LoggingSetup, active_setup
from millstream.common.logging.task_fields import TaskFields

__all__ = ["JsonFormatter", "LogFiles", "LogHandler", "LoggingSetup", "TaskFields", "active_setup"]
