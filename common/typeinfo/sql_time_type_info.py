"""Dates, times and timestamps without a zone: ``datetime.date``, ``.time`` and ``.datetime``.

Times have milliseconds, as in Flink: what is finer is cut off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from millstream.common.typeinfo.conversion import mismatch
from millstream.common.typeinfo.java_text import time_text, timestamp_text
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["DateTypeInfo", "SqlTimeTypeInfo", "TimeTypeInfo", "TimestampTypeInfo"]


class SqlTimeTypeInfo(TypeInformation):
    """Makes the types of SQL's date, time and timestamp."""

    __slots__ = ()

    @staticmethod
    def DATE() -> TypeInformation:  # PyFlink's name
        return DateTypeInfo()

    @staticmethod
    def TIME() -> TypeInformation:  # PyFlink's name
        return TimeTypeInfo()

    @staticmethod
    def TIMESTAMP() -> TypeInformation:  # PyFlink's name
        return TimestampTypeInfo()


class DateTypeInfo(TypeInformation):
    """``datetime.date``; of a ``datetime`` its date."""

    __slots__ = ()

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _to_date

    def __repr__(self) -> str:
        return "DateTypeInfo"


class TimeTypeInfo(TypeInformation):
    """``datetime.time`` without a zone, to the millisecond."""

    __slots__ = ()

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _to_time

    def to_text(self, value: Any) -> str:
        return time_text(value) if isinstance(value, dt.time) else str(value)

    def text_differs(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "TimeTypeInfo"


class TimestampTypeInfo(TypeInformation):
    """``datetime.datetime`` without a zone, to the millisecond."""

    __slots__ = ()

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _to_timestamp

    def to_text(self, value: Any) -> str:
        return timestamp_text(value) if isinstance(value, dt.datetime) else str(value)

    def text_differs(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "TimestampTypeInfo"


def _to_date(value: Any) -> Any:
    if value is None or type(value) is dt.date:
        return value
    if isinstance(value, dt.date):
        return dt.date(value.year, value.month, value.day)
    raise mismatch(value, "date")


def _to_time(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dt.time):
        raise mismatch(value, "time")
    if type(value) is dt.time and not value.microsecond % 1000 and value.tzinfo is None and not value.fold:
        return value
    return dt.time(value.hour, value.minute, value.second, value.microsecond // 1000 * 1000)


def _to_timestamp(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dt.datetime):
        raise mismatch(value, "timestamp", "a datetime.datetime is")
    if type(value) is dt.datetime and not value.microsecond % 1000 and value.tzinfo is None and not value.fold:
        return value
    micros = value.microsecond // 1000 * 1000
    # SQL's timestamp has no zone.
    return dt.datetime(value.year, value.month, value.day, value.hour, value.minute, value.second, micros)  # noqa: DTZ001
