"""What a trigger decides."""

from __future__ import annotations

from enum import Enum

__all__ = ["TriggerResult"]


class TriggerResult(Enum):
    """What happens to a window. Its value says whether the window fires, and whether its elements are dropped.

    A window without elements does not fire.
    """

    CONTINUE = (False, False)
    """Nothing."""
    FIRE_AND_PURGE = (True, True)
    """The window is evaluated, and then its elements are dropped."""
    FIRE = (True, False)
    """The window is evaluated and keeps its elements."""
    PURGE = (False, True)
    """The window's elements are dropped."""

    def is_fire(self) -> bool:
        """Whether the window is evaluated."""
        return self.value[0]

    def is_purge(self) -> bool:
        """Whether its elements are dropped."""
        return self.value[1]
