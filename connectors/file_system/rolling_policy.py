"""When a sink closes the file that it writes and begins another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

__all__ = [
    "CheckpointRollingPolicy",
    "DefaultRollingPolicy",
    "OnCheckpointRollingPolicy",
    "PartFileInfo",
    "RollingPolicy",
]

_PART_SIZE = 128 * 1024 * 1024
_INTERVAL = 60_000


class PartFileInfo(Protocol):
    """What a policy may ask about the file that is written."""

    def get_bucket_id(self) -> str: ...

    def get_creation_time(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    def get_size(self) -> int:
        """Bytes written so far."""
        ...

    def get_last_update_time(self) -> int:
        """When the last record was written, ms since the Unix epoch."""
        ...


class RollingPolicy(ABC):
    """Says when a file is rolled: closed, and made visible with the next commit.

    Programs may write policies of their own.
    """

    @abstractmethod
    def should_roll_on_checkpoint(self, part_file_state: PartFileInfo) -> bool:
        """Whether the checkpoint that is being taken rolls the file. Else a later attempt goes on with it."""

    @abstractmethod
    def should_roll_on_event(self, part_file_state: PartFileInfo, element: Any) -> bool:
        """Whether to begin another file with this record."""

    @abstractmethod
    def should_roll_on_processing_time(self, part_file_state: PartFileInfo, current_time: int) -> bool:
        """Whether to roll now; asked at each check of the buckets.

        :param current_time: ms since the Unix epoch.
        """

    @staticmethod
    def default_rolling_policy(
        part_size: int = _PART_SIZE, rollover_interval: int = _INTERVAL, inactivity_interval: int = _INTERVAL
    ) -> DefaultRollingPolicy:
        """Roll a file that is larger than ``part_size`` bytes, as old as ``rollover_interval`` ms, or has not been
        written to for ``inactivity_interval`` ms. Times are looked at with each check of the buckets.
        """
        return DefaultRollingPolicy(part_size, rollover_interval, inactivity_interval)

    @staticmethod
    def on_checkpoint_rolling_policy() -> OnCheckpointRollingPolicy:
        """Roll with each checkpoint; without checkpoints: at the end of the input only."""
        return OnCheckpointRollingPolicy()


class DefaultRollingPolicy(RollingPolicy):
    """Rolls by size, age and inactivity."""

    def __init__(self, part_size: int, rollover_interval: int, inactivity_interval: int) -> None:
        self._part_size = _positive("part_size", part_size)
        self._rollover_interval = _positive("rollover_interval", rollover_interval)
        self._inactivity_interval = _positive("inactivity_interval", inactivity_interval)

    def should_roll_on_checkpoint(self, part_file_state: PartFileInfo) -> bool:
        return part_file_state.get_size() > self._part_size

    def should_roll_on_event(self, part_file_state: PartFileInfo, element: Any) -> bool:
        return part_file_state.get_size() > self._part_size

    def should_roll_on_processing_time(self, part_file_state: PartFileInfo, current_time: int) -> bool:
        return (
            current_time - part_file_state.get_creation_time() >= self._rollover_interval
            or current_time - part_file_state.get_last_update_time() >= self._inactivity_interval
        )


class CheckpointRollingPolicy(RollingPolicy):
    """Rolls with each checkpoint, and perhaps else. Formats whose files cannot be gone on with need such a one."""

    def should_roll_on_checkpoint(self, part_file_state: PartFileInfo) -> bool:
        return True


class OnCheckpointRollingPolicy(CheckpointRollingPolicy):
    """Rolls with checkpoints only."""

    def should_roll_on_event(self, part_file_state: PartFileInfo, element: Any) -> bool:
        return False

    def should_roll_on_processing_time(self, part_file_state: PartFileInfo, current_time: int) -> bool:
        return False


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be a whole number above 0, not {value!r}")
    return value
