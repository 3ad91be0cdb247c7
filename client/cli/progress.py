"""What the tasks of a job do, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["describe_tasks", "waits_for_slots"]

_STATE_ORDER = (
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "INITIALIZING",
    "RUNNING",
    "FINISHED",
    "CANCELING",
    "CANCELED",
    "FAILED",
)


def describe_tasks(task_counts: Mapping[str, int]) -> str:
    """Return ``2 running, 1 finished``."""
    return (
        ", ".join(f"{task_counts[name]} {name.lower()}" for name in _STATE_ORDER if task_counts.get(name)) or "none yet"
    )


def waits_for_slots(task_counts: Mapping[str, int]) -> bool:
    """Whether no task has a slot yet: a job starts when it has all its slots."""
    return {state for state, count in task_counts.items() if count} == {"SCHEDULED"}
