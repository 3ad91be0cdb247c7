"""How a source makes watermarks."""

from __future__ import annotations

__all__ = ["WatermarkStrategy"]


class WatermarkStrategy:
    """How timestamps and watermarks are made. Event time is not there yet: the only strategy is to make none."""

    __slots__ = ()

    @staticmethod
    def no_watermarks() -> WatermarkStrategy:
        """No watermarks but the one at the end of the input."""
        return WatermarkStrategy()
