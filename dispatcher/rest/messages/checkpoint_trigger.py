"""A checkpoint that somebody asks for."""

from __future__ import annotations

from typing import Literal

from millstream.dispatcher.rest.messages.base import CamelMessage
from millstream.dispatcher.rest.messages.savepoints import TriggerId

__all__ = ["CheckpointTriggerRequest", "TriggeredCheckpointInfo"]


class CheckpointTriggerRequest(CamelMessage):
    """Take a checkpoint now.

    :ivar checkpoint_type: ``FULL``: one that shares no files with others.
    """

    checkpoint_type: Literal["CONFIGURED", "FULL", "INCREMENTAL"] | None = None
    trigger_id: TriggerId | None = None


class TriggeredCheckpointInfo(CamelMessage):
    """It is complete."""

    checkpoint_id: int
