"""How checkpoints of a job are taken."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Message

__all__ = ["CheckpointConfigInfo", "ExternalizedCheckpointInfo"]


class ExternalizedCheckpointInfo(Message):
    """What stays of the checkpoints when the job ends.

    :ivar enabled: they stay if it fails.
    :ivar delete_on_cancellation: but not if it is cancelled.
    """

    enabled: bool
    delete_on_cancellation: bool


class CheckpointConfigInfo(Message):
    """The settings of a job's checkpoints. Times are in ms.

    :ivar mode: ``exactly_once`` or ``at_least_once``.
    :ivar interval: 9223372036854775807: there are no periodic checkpoints.
    """

    mode: str
    interval: int
    timeout: int
    min_pause: int
    max_concurrent: int
    externalization: ExternalizedCheckpointInfo
    state_backend: str
    checkpoint_storage: str
    unaligned_checkpoints: bool
    tolerable_failed_checkpoints: int
    aligned_checkpoint_timeout: int
    checkpoints_after_tasks_finish: bool
    state_changelog_enabled: bool
    changelog_periodic_materialization_interval: int
    changelog_storage: str
