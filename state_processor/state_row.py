"""One entry of a state."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

__all__ = ["StateRow"]


@dataclass(frozen=True, slots=True)
class StateRow:
    """What a state holds for a key.

    :ivar key: ``None`` for state that has no keys.
    :ivar value: of list state a list, of map state a dict, else the value or the accumulator; of timers the time, ms.
    :ivar namespace: a window, where state belongs to a key and a window.
    :ivar written_ms: of state with a time to live: when it was written last; of list state a list of such times, of map
        state a dict of them by the map's keys.
    """

    key: Any
    value: Any
    namespace: Hashable = None
    written_ms: Any = None
