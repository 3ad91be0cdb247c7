"""Whether a job streams or works through bounded input."""

from __future__ import annotations

from enum import Enum

__all__ = ["RuntimeExecutionMode"]


class RuntimeExecutionMode(Enum):
    """How a job is run: results as they come, or once at the end of bounded input, or as the sources suggest."""

    STREAMING = 0
    BATCH = 1
    AUTOMATIC = 2
