"""The watermark of a subtask that reads several splits in turn: the lowest of those of its splits.

Each split has a generator of its own, so that one which is behind is not taken for late because another is ahead. A
split that its generator calls idle is left out, and so is one that has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from millstream.common.watermark_strategy import WatermarkGenerator, WatermarkOutput
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission

__all__ = ["SplitOutput", "SplitWatermarks"]


class SplitWatermarks:
    """The splits that are read.

    :param create: makes a generator.
    :param emission: takes what holds for all of them.
    """

    __slots__ = ("_create", "_emission", "_splits", "_together")

    def __init__(self, create: Callable[[], WatermarkGenerator], emission: WatermarkEmission) -> None:
        self._create = create
        self._emission = emission
        self._splits: dict[Hashable, SplitOutput] = {}
        self._together = False  # several splits say something at once

    def of(self, split_id: Hashable) -> SplitOutput:
        """The split's generator, and where it puts out."""
        split = self._splits.get(split_id)
        if split is None:
            split = self._splits[split_id] = SplitOutput(self._create(), self._combine)
            self._combine()  # it is active, if all others are idle
        return split

    def end(self, split_id: Hashable) -> None:
        """A split has ended. Nothing if it never began."""
        split = self._splits.pop(split_id, None)
        if split is not None:
            split.generator.on_periodic_emit(split)  # what it still knows counts, if it was the last one
            if not self._splits and not split.idle:
                self._emission.emit_watermark(split.watermark)
            self._combine()

    def on_periodic_emit(self) -> None:
        """Let each split say how far it is."""
        self._together = True
        try:
            for split in list(self._splits.values()):
                split.generator.on_periodic_emit(split)
        finally:
            self._together = False
        self._combine()

    def _combine(self) -> None:
        if self._together or not self._splits:
            return
        active = [split.watermark for split in self._splits.values() if not split.idle]
        if active:
            self._emission.mark_active()
            self._emission.emit_watermark(min(active))
        else:
            self._emission.mark_idle()


class SplitOutput(WatermarkOutput):
    """What one split's generator says.

    :ivar watermark: the last one, ms.
    """

    __slots__ = ("_changed", "_emission", "generator")

    def __init__(self, generator: WatermarkGenerator, changed: Callable[[], None]) -> None:
        self.generator = generator
        self._changed = changed
        self._emission = WatermarkEmission()

    @property
    def watermark(self) -> int:
        return self._emission.watermark

    @property
    def idle(self) -> bool:
        return self._emission.idle

    def emit_watermark(self, watermark: Any) -> None:
        self._emission.emit_watermark(watermark)
        self._tell()

    def mark_idle(self) -> None:
        self._emission.mark_idle()
        self._tell()

    def mark_active(self) -> None:
        self._emission.mark_active()
        self._tell()

    def _tell(self) -> None:
        if self._emission.take():
            self._changed()
