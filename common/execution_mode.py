"""How batch programs of Flink's former DataSet API exchanged data."""

from __future__ import annotations

from enum import Enum

__all__ = ["ExecutionMode"]


class ExecutionMode(Enum):
    """Kept for programs that name it; it has no effect. See ``RuntimeExecutionMode`` for bounded streams."""

    PIPELINED = 0
    PIPELINED_FORCED = 1
    BATCH = 2
    BATCH_FORCED = 3
