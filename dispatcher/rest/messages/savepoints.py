"""What is asked and told of savepoints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from millstream.dispatcher.rest.messages.base import CamelMessage, HyphenatedMessage, Message
from millstream.dispatcher.rest.parameters import HEX_ID

__all__ = [
    "SavepointDisposalRequest",
    "SavepointFormatType",
    "SavepointInfo",
    "SavepointTriggerRequest",
    "StopWithSavepointRequest",
    "TriggerId",
]

SavepointFormatType = Literal["CANONICAL", "NATIVE"]

TriggerId = Annotated[str, Field(pattern=HEX_ID), AfterValidator(str.lower)]
"""A request that comes again under its id is the same one."""


class SavepointTriggerRequest(Message):
    """Take a savepoint, and cancel the job after it if that is wished.

    :ivar target_directory: a URI; ``None``: the configured one.
    """

    target_directory: str | None = Field(default=None, alias="target-directory")
    cancel_job: bool = Field(default=False, alias="cancel-job")
    format_type: SavepointFormatType | None = Field(default=None, alias="formatType")
    trigger_id: TriggerId | None = Field(default=None, alias="triggerId")


class StopWithSavepointRequest(CamelMessage):
    """Take a savepoint and let the job end right after it.

    :ivar target_directory: a URI; ``None``: the configured one.
    :ivar drain: let all windows and timers fire first: the job will not go on from the savepoint.
    """

    target_directory: str | None = None
    drain: bool | None = None
    format_type: SavepointFormatType | None = None
    trigger_id: TriggerId | None = None


class SavepointInfo(Message):
    """A savepoint that is complete.

    :ivar location: its directory, a URI.
    """

    location: str


class SavepointDisposalRequest(HyphenatedMessage):
    """Delete a savepoint.

    :ivar savepoint_path: its directory or its metadata file.
    """

    savepoint_path: str
