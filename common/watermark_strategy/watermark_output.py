"""Where a watermark generator's watermarks go."""

from __future__ import annotations

from abc import ABC, abstractmethod

from millstream.common.records import Watermark

__all__ = ["WatermarkOutput"]


class WatermarkOutput(ABC):
    """Takes watermarks, each after the records that the generator has seen so far."""

    @abstractmethod
    def emit_watermark(self, watermark: Watermark | int) -> None:
        """Say that no record with a timestamp at or below this one will follow, and that the stream is active.

        One that is not higher than the last one is dropped: event time does not go back.

        :param watermark: a ``Watermark``, or its timestamp in ms.
        """

    @abstractmethod
    def mark_idle(self) -> None:
        """Say that those downstream should not wait for this stream until it is active again."""

    @abstractmethod
    def mark_active(self) -> None:
        """Say that the stream counts again."""
