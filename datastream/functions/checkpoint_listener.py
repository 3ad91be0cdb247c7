"""Functions that want to know what becomes of checkpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["CheckpointListener"]


class CheckpointListener(ABC):
    """Told when a checkpoint of the whole job is complete. Any function may be one, sources and sinks too."""

    @abstractmethod
    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """The checkpoint is complete: after a failure the job goes on from it, or from a later one.

        A notice may be missed (the next one then covers it), so do what is due for this and all earlier checkpoints. If
        it raises, the task fails.
        """

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:  # noqa: B027  # optional hook
        """The checkpoint failed or was given up. What it would have covered belongs to the next one."""
