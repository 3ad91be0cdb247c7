"""What happens to records without a timestamp in windows of event time."""

from __future__ import annotations

from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.records import MIN_TIMESTAMP

__all__ = ["check_timestamp", "no_timestamp_error"]


def check_timestamp(timestamp: int | None, assigner: Any) -> None:
    """:raises MillstreamError: the record has no timestamp."""
    if timestamp is None or timestamp <= MIN_TIMESTAMP:
        raise no_timestamp_error(assigner)


def no_timestamp_error(assigner: Any) -> MillstreamError:
    """The error for a record without a timestamp."""
    return MillstreamError(
        f"the record has no timestamp, which {type(assigner).__name__} needs; give records one before the window, with "
        "assign_timestamps_and_watermarks(...), or use windows of processing time"
    )
