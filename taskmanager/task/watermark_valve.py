"""Combines the watermarks of a task's input channels: the task's event time is that of its slowest active channel.

Idle channels do not count. A channel that becomes active again counts from the moment its watermark has caught up
with the task's own, so event time never goes back. Pure: markers in, markers out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from millstream.common.records import MAX_TIMESTAMP, MAX_WATERMARK, MIN_TIMESTAMP, Watermark, WatermarkStatus

__all__ = ["WatermarkValve"]

Output = tuple[Watermark | WatermarkStatus, ...]


@dataclass(slots=True)
class _Channel:
    watermark: int = MIN_TIMESTAMP
    idle: bool = False
    aligned: bool = True
    ended: bool = False


class WatermarkValve:
    """The minimum over the active channels.

    :ivar watermark: the last combined watermark, ms.
    :ivar idle: no channel is active.
    """

    __slots__ = ("_channels", "idle", "watermark")

    def __init__(self, channels: int) -> None:
        self._channels = [_Channel() for _ in range(channels)]
        self.watermark = MIN_TIMESTAMP
        self.idle = False

    def lowest(self, channels: Iterable[int]) -> int:
        """The event time of some of the channels, ms: that of the slowest of those that are active.

        If none is, all of them count: where the last ones stood still.
        """
        chosen = [self._channels[each] for each in channels]
        active = [each for each in chosen if not each.idle and not each.ended]
        if chosen and not active and all(each.ended for each in chosen):
            return max(each.watermark for each in chosen)
        return min((each.watermark for each in active or chosen), default=MIN_TIMESTAMP)

    def on_watermark(self, channel: int, watermark: Watermark) -> Output:
        """A watermark came; an idle channel's is ignored, unless it is the last one, which ends idleness."""
        state = self._channels[channel]
        if state.ended:
            return ()
        woken: Output = ()
        if state.idle:
            if watermark.timestamp < MAX_TIMESTAMP:
                return ()
            woken = self.on_status(channel, WatermarkStatus(idle=False))
        elif watermark.timestamp <= state.watermark:
            return ()
        state.watermark = watermark.timestamp
        if state.watermark >= self.watermark:
            state.aligned = True
        return (*woken, *self._advance())

    def on_status(self, channel: int, status: WatermarkStatus) -> Output:
        """A channel became idle or active."""
        state = self._channels[channel]
        if state.ended or status.idle == state.idle:
            return ()
        state.idle = status.idle
        if not status.idle:
            state.aligned = state.watermark >= self.watermark
            if not self.idle:
                return ()
            self.idle = False
            return (WatermarkStatus(idle=False),)
        state.aligned = False
        return self._after_loss()

    def on_end(self, channel: int) -> Output:
        """A channel has ended; it holds nobody back any more. With the last one event time comes to its end."""
        state = self._channels[channel]
        if state.ended:
            return ()
        was_active = not state.idle
        state.ended = True
        state.aligned = False
        if all(each.ended for each in self._channels):
            return self._after_all()
        return self._after_loss() if was_active else ()

    def _after_all(self) -> Output:
        """Nothing comes any more, whether or not all channels said so by their watermarks."""
        if self.watermark == MAX_TIMESTAMP:
            return ()
        self.watermark = MAX_TIMESTAMP
        if not self.idle:
            return (MAX_WATERMARK,)
        self.idle = False
        return (WatermarkStatus(idle=False), MAX_WATERMARK)

    def _after_loss(self) -> Output:
        """One channel fewer counts."""
        if any(not each.idle and not each.ended for each in self._channels):
            return self._advance()
        # Nobody is left to wait for: what the last ones had reached is reached.
        highest = max(each.watermark for each in self._channels)
        advanced: Output = ()
        if highest > self.watermark:
            self.watermark = highest
            advanced = (Watermark(highest),)
        if self.idle:
            return advanced
        self.idle = True
        return (*advanced, WatermarkStatus(idle=True))

    def _advance(self) -> Output:
        aligned = [each.watermark for each in self._channels if each.aligned]
        if not aligned:
            return ()
        lowest = min(aligned)
        if lowest <= self.watermark:
            return ()
        self.watermark = lowest
        return (Watermark(lowest),)
