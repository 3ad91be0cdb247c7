"""How long a job has been in which status."""

from __future__ import annotations

from collections.abc import Mapping

from millstream.common.states import JobStatus

__all__ = ["StatusTimes"]


class StatusTimes:
    """The status of a job over time. Times are ms since the epoch, durations ms.

    :ivar timestamps: status -> when it was (last) entered.
    :ivar began_ms: when the first status was entered.
    """

    __slots__ = ("_before", "_status", "began_ms", "timestamps")

    def __init__(self, status: JobStatus, now_ms: int) -> None:
        self._status = status
        self.began_ms = now_ms
        self.timestamps: dict[JobStatus, int] = {status: now_ms}
        self._before: dict[JobStatus, int] = {}

    def entered(self, status: JobStatus, now_ms: int) -> None:
        """The job goes over into another status."""
        self._before[self._status] = self.total_ms(self._status, now_ms)
        self._status = status
        self.timestamps[status] = now_ms

    def present_ms(self, status: JobStatus, now_ms: int) -> int:
        """Return for how long the job has been in this status; 0: it is in another one."""
        return max(0, now_ms - self.timestamps[status]) if status is self._status else 0

    def total_ms(self, status: JobStatus, now_ms: int) -> int:
        """Return for how long the job has been in this status in all."""
        return self._before.get(status, 0) + self.present_ms(status, now_ms)

    @property
    def last_change_ms(self) -> int:
        """When the present status was entered."""
        return self.timestamps[self._status]

    def by_name(self) -> Mapping[str, int]:
        """The timestamps by the names of the statuses."""
        return {status.name: at for status, at in self.timestamps.items()}
