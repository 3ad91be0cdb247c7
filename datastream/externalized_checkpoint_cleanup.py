"""``ExternalizedCheckpointRetention`` as it was called before."""

from __future__ import annotations

from enum import Enum

__all__ = ["ExternalizedCheckpointCleanup"]


class ExternalizedCheckpointCleanup(Enum):
    """What becomes of the last checkpoint when its job is cancelled."""

    DELETE_ON_CANCELLATION = 0
    RETAIN_ON_CANCELLATION = 1
    NO_EXTERNALIZED_CHECKPOINTS = 2
