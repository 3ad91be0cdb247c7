"""How long to wait before the next try."""

from __future__ import annotations

__all__ = ["Backoff"]


class Backoff:
    """Pauses that double from ``initial_s`` to ``maximum_s`` seconds."""

    def __init__(self, initial_s: float, maximum_s: float) -> None:
        self._initial_s = min(initial_s, maximum_s)
        self._maximum_s = maximum_s
        self._next_s = self._initial_s

    def next_pause(self) -> float:
        """Return the seconds to wait now; the next pause will be longer."""
        pause = self._next_s
        self._next_s = min(self._next_s * 2, self._maximum_s)
        return pause

    def reset(self) -> None:
        """It worked: begin anew next time."""
        self._next_s = self._initial_s
