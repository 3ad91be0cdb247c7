"""Why a checkpoint is declined before or after a task had a say in it."""

from __future__ import annotations

from millstream.common.config import CheckpointingOptions, RpcOptions
from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.common.wire.cluster_pb2 import CheckpointDecline

__all__ = ["not_running", "snapshot_too_large"]


def not_running(attempt_id: str, checkpoint_id: int) -> CheckpointDecline:
    """Return the answer to a trigger for an attempt that is not there (any more)."""
    return CheckpointDecline(
        attempt_id=attempt_id,
        checkpoint_id=checkpoint_id,
        failure=engine_failure(
            ENGINE,
            f"task attempt {attempt_id} does not run (any more) and takes no part in checkpoint {checkpoint_id}",
            exception_type="TaskNotRunningError",
        ),
    )


def snapshot_too_large(size: int, limit: int) -> FailureInfo:
    """Return the failure of a snapshot that does not fit into one message to the JobMaster."""
    return engine_failure(
        ENGINE,
        f"the task's snapshot has {size:,} bytes within its acknowledgement, more than the largest message allowed "
        f"({limit:,} bytes, {RpcOptions.FRAMESIZE.key}); set {CheckpointingOptions.DIRECTORY.key}, so that state goes "
        f"to files, or lower {CheckpointingOptions.DATA_INLINE_THRESHOLD.key}",
        exception_type="SnapshotTooLargeError",
    )
