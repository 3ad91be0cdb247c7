"""Back pressure as an answer, from what the tasks measure of their own time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from millstream.dispatcher.rest.messages.back_pressure import (
    BackPressureLevel,
    JobVertexBackPressureInfo,
    SubtaskBackPressureInfo,
)

__all__ = ["back_pressure"]

_BACK_PRESSURED: Final = "backPressuredTimeMsPerSecond"
_IDLE: Final = "idleTimeMsPerSecond"
_BUSY: Final = "busyTimeMsPerSecond"
_MS_PER_SECOND: Final = 1000.0
_OK_UP_TO: Final = 0.1
_LOW_UP_TO: Final = 0.5


def back_pressure(subtasks: Mapping[int, Mapping[str, str]], measured_ms: int) -> JobVertexBackPressureInfo:
    """How much the subtasks of a vertex wait for room downstream.

    :param subtasks: the metrics of each.
    """
    if not subtasks:
        return JobVertexBackPressureInfo(status="deprecated")
    infos = [_of_subtask(subtask, values) for subtask, values in subtasks.items()]
    level = _level(max(info.ratio for info in infos))
    return JobVertexBackPressureInfo(
        status="ok", backpressure_level=level, hyphenated_level=level, end_timestamp=measured_ms, subtasks=infos
    )


def _of_subtask(subtask: int, values: Mapping[str, str]) -> SubtaskBackPressureInfo:
    ratio = _ratio(values, _BACK_PRESSURED)
    if math.isnan(ratio):  # it has not run long enough to tell
        ratio = 0.0
    return SubtaskBackPressureInfo(
        subtask=subtask,
        backpressure_level=_level(ratio),
        ratio=ratio,
        idle_ratio=_ratio(values, _IDLE),
        busy_ratio=_ratio(values, _BUSY),
    )


def _ratio(values: Mapping[str, str], name: str) -> float:
    return float(values.get(name, "0")) / _MS_PER_SECOND


def _level(ratio: float) -> BackPressureLevel:
    if ratio <= _OK_UP_TO:
        return "ok"
    return "low" if ratio <= _LOW_UP_TO else "high"
