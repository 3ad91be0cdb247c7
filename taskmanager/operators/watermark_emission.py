"""What a watermark generator says, on its way downstream."""

from __future__ import annotations

from typing import Any

from millstream.common.records import MIN_TIMESTAMP, Watermark, WatermarkStatus
from millstream.common.watermark_strategy import WatermarkOutput

__all__ = ["WatermarkEmission"]


class WatermarkEmission(WatermarkOutput):
    """Lets through what takes event time forward, and changes between idle and active.

    :ivar watermark: the last one, ms.
    :ivar idle: the stream is.
    :ivar pending: what is to go downstream now.
    """

    __slots__ = ("idle", "pending", "watermark")

    def __init__(self) -> None:
        self.watermark = MIN_TIMESTAMP
        self.idle = False
        self.pending: list[Watermark | WatermarkStatus] = []

    def emit_watermark(self, watermark: Any) -> None:
        moment = watermark.timestamp if type(watermark) is Watermark else _moment(watermark)
        if moment > self.watermark:
            self.watermark = moment
            self.mark_active()
            self.pending.append(Watermark(moment))

    def mark_idle(self) -> None:
        if not self.idle:
            self.idle = True
            self.pending.append(WatermarkStatus(idle=True))

    def mark_active(self) -> None:
        if self.idle:
            self.idle = False
            self.pending.append(WatermarkStatus(idle=False))

    def take(self) -> tuple[Watermark | WatermarkStatus, ...]:
        """What is pending, which is then pending no more."""
        if not self.pending:
            return ()
        taken = tuple(self.pending)
        self.pending.clear()
        return taken


def _moment(watermark: Any) -> int:
    moment = getattr(watermark, "timestamp", watermark)
    if isinstance(moment, bool) or not isinstance(moment, int):
        raise TypeError(
            f"a watermark is a Watermark or its timestamp, an int of ms; not {watermark!r} of type "
            f"{type(watermark).__name__}"
        )
    return moment
