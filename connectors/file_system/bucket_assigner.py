"""Which directory below a sink's base path a record goes to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from millstream.connectors.file_system.date_time_pattern import DateTimePattern, time_zone

__all__ = ["BasePathBucketAssigner", "BucketAssigner", "DateTimeBucketAssigner"]

_BY_THE_HOUR = "yyyy-MM-dd--HH"


class BucketAssigner(ABC):
    """Gives each record the id of its bucket.

    Programs may write assigners of their own. Records of a bucket are in the directory of its id, a relative path;
    the id ``""`` is the base path itself.
    """

    class Context(Protocol):
        """What an assigner may ask about the record. One object serves all records: do not keep it."""

        def timestamp(self) -> int | None:
            """The record's event timestamp in ms, ``None`` if it has none."""
            ...

        def current_processing_time(self) -> int:
            """The wall clock in ms."""
            ...

        def current_watermark(self) -> int:
            """The event-time watermark in ms."""
            ...

    @abstractmethod
    def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
        """The record's bucket."""

    @staticmethod
    def base_path_bucket_assigner() -> BucketAssigner:
        """All files are in the base path."""
        return BasePathBucketAssigner()

    @staticmethod
    def date_time_bucket_assigner(format_str: str = _BY_THE_HOUR, timezone_id: str | None = None) -> BucketAssigner:
        """Directories by the wall clock at the time of writing.

        :param format_str: a pattern of Java's ``DateTimeFormatter``; ``yyyy/MM/dd`` makes directories in directories.
        :param timezone_id: ``America/Los_Angeles``, ``GMT-08:00``; ``None``: that of the worker.
        :raises ValueError: the pattern or the zone is not known.
        """
        return DateTimeBucketAssigner(format_str, timezone_id)


class BasePathBucketAssigner(BucketAssigner):
    """No buckets."""

    def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
        return ""


class DateTimeBucketAssigner(BucketAssigner):
    """Buckets by the wall clock."""

    def __init__(self, format_str: str = _BY_THE_HOUR, timezone_id: str | None = None) -> None:
        self._pattern = DateTimePattern(format_str, None if timezone_id is None else time_zone(timezone_id))
        self._time: int | None = None
        self._bucket_id = ""

    def get_bucket_id(self, element: Any, context: BucketAssigner.Context) -> str:
        now = context.current_processing_time()
        if now != self._time:  # many records come at the same millisecond
            self._bucket_id = self._pattern.format(now)
            self._time = now
        return self._bucket_id
