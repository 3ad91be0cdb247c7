"""When a task with several inputs was scheduled, in earlier versions of Flink."""

from __future__ import annotations

from enum import Enum

__all__ = ["InputDependencyConstraint"]


class InputDependencyConstraint(Enum):
    """Kept for programs that name it; it has no effect: all tasks of a job are scheduled together."""

    ANY = 0
    ALL = 1
