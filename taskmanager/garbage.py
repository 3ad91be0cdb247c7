"""The cyclic garbage collector in a worker process.

A streaming job makes many small containers that die by reference counting, and keeps many that live long (state). The
collector's default thresholds make it look at both again and again: a good part of the time of a keyed aggregation.
So it runs rarely here, and more rarely still as long as it finds nothing: a window of half a million keys then costs a
pass or two, once. Where a program does leave garbage in cycles, it comes as often as it began with.
"""

from __future__ import annotations

import gc
from typing import Any, Final

__all__ = ["TunedCollector"]

_FIRST_THRESHOLD: Final = 50_000
_LAST_THRESHOLD: Final = 800_000
_OLDER_GENERATIONS: Final = (20, 20)
_LITTLE: Final = 50
"""What was found is little if it is less than the threshold divided by this."""


class TunedCollector:
    """Tuned from :meth:`tune` to :meth:`restore`."""

    __slots__ = ("_before", "_threshold")

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None
        self._threshold = _FIRST_THRESHOLD

    def tune(self) -> None:
        """Collect rarely, and never look at what exists now: the modules of engine and job."""
        if self._before is None:
            self._before = gc.get_threshold()
            gc.callbacks.append(self._on_collection)
        gc.freeze()  # without a collection before: that takes as long as a short job, and little is to be had
        self._set(_FIRST_THRESHOLD)

    def restore(self) -> None:
        """Undo :meth:`tune`."""
        if self._before is not None:
            gc.callbacks.remove(self._on_collection)
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None

    def _on_collection(self, phase: str, info: dict[str, Any]) -> None:
        """Learn from how much was found; the collector calls this, in the midst of anything."""
        if phase != "stop":
            return
        found = info["collected"] + info["uncollectable"]
        if found * _LITTLE >= self._threshold:
            wanted = _FIRST_THRESHOLD
        else:
            wanted = min(self._threshold * 2, _LAST_THRESHOLD)
        if wanted != self._threshold:
            self._set(wanted)

    def _set(self, threshold: int) -> None:
        self._threshold = threshold
        gc.set_threshold(threshold, *_OLDER_GENERATIONS)
