"""How long a session waits after an element."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["SessionWindowTimeGapExtractor"]


class SessionWindowTimeGapExtractor(ABC):
    """Gives the gap that an element asks for."""

    @abstractmethod
    def extract(self, element: Any) -> int:
        """Return how long (ms, above 0) nothing may come after the element before its session ends."""
