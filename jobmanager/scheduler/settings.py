"""The settings that the scheduler goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from millstream.common.config import Configuration, JobManagerOptions

__all__ = ["SchedulerSettings"]


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Times in ms.

    :ivar slot_request_timeout_ms: how long tasks wait for slots before that is a failure.
    :ivar slot_idle_timeout_ms: how long a slot that nobody uses is kept.
    :ivar root_cause_wait_ms: how long a broken data connection waits for the failure that broke it.
    :ivar resource_check_ms: how long the ResourceManager has to say what the cluster has, for the message.
    """

    slot_request_timeout_ms: int = 300_000
    slot_idle_timeout_ms: int = 50_000
    root_cause_wait_ms: int = 1_000
    resource_check_ms: int = 1_000

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> SchedulerSettings:
        """Read them from ``slot.request.timeout`` and ``slot.idle.timeout``."""
        return cls(
            slot_request_timeout_ms=_ms(configuration.get(JobManagerOptions.SLOT_REQUEST_TIMEOUT)),
            slot_idle_timeout_ms=_ms(configuration.get(JobManagerOptions.SLOT_IDLE_TIMEOUT)),
        )


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
