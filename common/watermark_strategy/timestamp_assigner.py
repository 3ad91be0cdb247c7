"""Gives records their event timestamps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["TimestampAssigner"]


class TimestampAssigner(ABC):
    """Tells when what a record reports happened."""

    @abstractmethod
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        """Return the record's event timestamp in ms, as a rule since 1970-01-01 UTC.

        :param record_timestamp: the timestamp that the record has now; the smallest 64-bit number if it has none.
        """
        raise NotImplementedError(f"{type(self).__name__} must define extract_timestamp(value, record_timestamp)")
