"""How far the sources of a group may run apart."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WatermarkAlignment"]


@dataclass(frozen=True, slots=True)
class WatermarkAlignment:
    """A source pauses while its watermark is ahead of the slowest one of its group by more than the drift.

    :ivar update_interval_ms: how often a paused source looks whether it may go on.
    """

    group: str
    max_drift_ms: int
    update_interval_ms: int = 1000
