"""The cyclic garbage collector in a worker process.

A streaming job makes many small containers that die by reference counting, and keeps many that live long (state). The
collector's default thresholds make it look at both again and again: a good part of the time of a keyed aggregation.
Garbage in cycles is still collected, only less often.
"""

from __future__ import annotations

import gc

__all__ = ["TunedCollector"]

_THRESHOLDS = (50_000, 20, 20)


class TunedCollector:
    """Tuned from :meth:`tune` to :meth:`restore`."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    def tune(self) -> None:
        """Collect rarely, and never look at what exists now: the modules of engine and job."""
        if self._before is None:
            self._before = gc.get_threshold()
        gc.freeze()  # without a collection before: that takes as long as a short job, and little is to be had
        gc.set_threshold(*_THRESHOLDS)

    def restore(self) -> None:
        """Undo :meth:`tune`."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None
