"""Names of states that operators keep for themselves and the master must know."""

from __future__ import annotations

from typing import Final

__all__ = ["NEEDED_BY_NONE_BUT_THEIR_OWN", "WATERMARK", "WINDOW_LAYOUT"]

WATERMARK: Final = " watermark"
"""How far event time had come for the key groups of a subtask."""
WINDOW_LAYOUT: Final = " window-layout"
"""How an operator's windows lie in its state: the same in all of its subtasks."""

NEEDED_BY_NONE_BUT_THEIR_OWN: Final = frozenset({WATERMARK, WINDOW_LAYOUT})
"""Union list states of which each subtask gets all items so that its key groups may be divided otherwise. What one that
has finished would add is not missed: its key groups are done.
"""
