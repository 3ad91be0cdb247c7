"""What the barriers of checkpoints and savepoints carry, by the job's settings."""

from __future__ import annotations

from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.jobmanager.checkpoint.completed_checkpoint import CHECKPOINT
from millstream.jobmanager.checkpoint.events import SavepointMode
from millstream.jobmanager.checkpoint.settings import CheckpointSettings

__all__ = ["checkpoint_options", "savepoint_options"]


def checkpoint_options(settings: CheckpointSettings, full: bool) -> CheckpointOptions:
    """Return the options of a checkpoint.

    :param full: it is to refer to no file of an earlier one.
    """
    alignment = "AT_LEAST_ONCE"
    if settings.exactly_once:
        alignment = "UNALIGNED" if settings.unaligned and not settings.aligned_timeout_ms else "ALIGNED"
    return CheckpointOptions(
        kind=CHECKPOINT,
        alignment=alignment,
        aligned_timeout_ms=settings.aligned_timeout_ms if settings.unaligned else 0,
        format="NATIVE",
        full=full,
    )


def savepoint_options(settings: CheckpointSettings, mode: SavepointMode, format_name: str) -> CheckpointOptions:
    """Return the options of a savepoint, which is always full and aligned."""
    kind = SavepointMode.SAVEPOINT if mode is SavepointMode.CANCEL else mode
    return CheckpointOptions(
        kind=kind.value,
        alignment="ALIGNED" if settings.exactly_once else "AT_LEAST_ONCE",
        format=format_name,
        full=True,
    )
