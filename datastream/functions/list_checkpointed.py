"""The simple form of operator state: a list that is made for each checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

__all__ = ["ListCheckpointed"]


class ListCheckpointed(ABC):
    """What a function is beside its own kind to keep a list whose elements are divided when it is rescaled."""

    @abstractmethod
    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> Iterable[Any]:
        """Return the subtask's state as a list, in parts that may go to different subtasks.

        :param timestamp: when the JobManager triggered the checkpoint, ms.
        """

    @abstractmethod
    def restore_state(self, state: list[Any]) -> None:
        """Take over these parts. Called before ``open``, only after a restore, with any number of parts."""
