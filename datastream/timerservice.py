"""Times and timers, as functions see them."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["TimerService"]


class TimerService(ABC):
    """The current times of both domains, and the timers of the current key. All times are in ms.

    A timer is known by its key, domain and time: setting it twice is setting it once.
    """

    @abstractmethod
    def current_processing_time(self) -> int:
        """The time of day."""

    @abstractmethod
    def current_watermark(self) -> int:
        """How far event time has come; the smallest 64-bit number before the first watermark."""

    @abstractmethod
    def register_processing_time_timer(self, timestamp: int) -> None:
        """Have ``on_timer`` called when it is ``timestamp`` o'clock."""

    @abstractmethod
    def register_event_time_timer(self, timestamp: int) -> None:
        """Have ``on_timer`` called when the watermark reaches ``timestamp``."""

    @abstractmethod
    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Delete a timer; nothing if there is none."""

    @abstractmethod
    def delete_event_time_timer(self, timestamp: int) -> None:
        """Delete a timer; nothing if there is none."""
