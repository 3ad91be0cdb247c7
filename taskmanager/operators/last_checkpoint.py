"""Whether there is a checkpoint after the end of the input, with which sinks make the last of their output visible."""

from __future__ import annotations

from millstream.common.config import CheckpointingOptions
from millstream.taskmanager.operators.operator import OperatorContext

__all__ = ["comes_last_checkpoint"]


def comes_last_checkpoint(context: OperatorContext) -> bool:
    """``False``: the task ends without one, so what is not committed at the end never is.

    Where checkpoints are taken, but none after the end, a failure between the end of a sink and that of the job makes
    its last output twice. The other choice would be to lose it.
    """
    return context.checkpointing and context.state.settings.configuration.get(CheckpointingOptions.AFTER_TASKS_FINISH)
