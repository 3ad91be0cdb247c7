"""Functions that take part in checkpoints themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod

from millstream.datastream.functions.runtime_context import KeyedStateStore
from millstream.datastream.state.operator_state_store import OperatorStateStore

__all__ = ["CheckpointedFunction", "FunctionInitializationContext", "FunctionSnapshotContext"]


class FunctionSnapshotContext(ABC):
    """Which checkpoint is being taken."""

    @abstractmethod
    def get_checkpoint_id(self) -> int:
        """The checkpoint's number; it grows."""

    @abstractmethod
    def get_checkpoint_timestamp(self) -> int:
        """When the JobManager triggered it, ms."""


class FunctionInitializationContext(ABC):
    """Where a function finds its state when it begins, or begins again."""

    @abstractmethod
    def is_restored(self) -> bool:
        """Whether the job goes on from a checkpoint or savepoint."""

    @abstractmethod
    def get_restored_checkpoint_id(self) -> int | None:
        """The checkpoint that the job goes on from; ``None``: it begins anew."""

    @abstractmethod
    def get_operator_state_store(self) -> OperatorStateStore:
        """State that belongs to the subtask."""

    @abstractmethod
    def get_keyed_state_store(self) -> KeyedStateStore:
        """State that belongs to keys.

        :raises MillstreamError: the function's stream has no keys.
        """


class CheckpointedFunction(ABC):
    """What a function is beside its own kind to keep state that is not (only) keyed."""

    @abstractmethod
    def initialize_state(self, context: FunctionInitializationContext) -> None:
        """Called once per subtask before ``open``: ask for the states here, and read what was restored."""

    @abstractmethod
    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        """Called for each checkpoint: put what is only in attributes into the states."""
