"""What a slot worker says of itself in its dump, beside its tasks: names that the TaskManager knows it by.

They are apart from what makes the dump, because the TaskManager's daemon needs nothing of that.
"""

from __future__ import annotations

from typing import Final

from millstream.common.metrics import ScopeKind

__all__ = ["BUFFERS", "BUFFERS_USED", "MANAGED_MEMORY", "WORKER"]

WORKER: Final = ScopeKind.TASK_MANAGER.value
"""The scope of what a worker says of itself, for its TaskManager to add up; it has no variables."""
BUFFERS: Final = "buffers"
BUFFERS_USED: Final = "buffersUsed"
MANAGED_MEMORY: Final = "managedMemory"
