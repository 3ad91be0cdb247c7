"""Timestamps that never go back, as programs for Flink 1.x say it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from millstream.common.records import MIN_TIMESTAMP, Watermark
from millstream.common.watermark_strategy.assigner_with_periodic_watermarks import AssignerWithPeriodicWatermarks

__all__ = ["AscendingTimestampExtractor"]

_LOG = logging.getLogger(__name__)


class _MonotonyViolationHandler(ABC):
    """Told of each record whose timestamp is lower than an earlier one's."""

    @abstractmethod
    def handle_violation(self, element_timestamp: int, last_timestamp: int) -> None:
        """:param last_timestamp: the highest one so far; both in ms."""


class _IgnoringHandler(_MonotonyViolationHandler):
    """Lets it pass: the record is late, no more."""

    def handle_violation(self, element_timestamp: int, last_timestamp: int) -> None:
        """Does nothing."""


class _FailingHandler(_MonotonyViolationHandler):
    """Fails the job."""

    def handle_violation(self, element_timestamp: int, last_timestamp: int) -> None:
        raise RuntimeError(
            f"timestamps are to ascend, but one of {element_timestamp} ms came after one of {last_timestamp} ms"
        )


class _LoggingHandler(_MonotonyViolationHandler):
    """Writes a warning into the worker's log."""

    def handle_violation(self, element_timestamp: int, last_timestamp: int) -> None:
        _LOG.warning("Timestamps do not ascend: one of %d ms came after %d ms", element_timestamp, last_timestamp)


class AscendingTimestampExtractor(AssignerWithPeriodicWatermarks):
    """Periodic watermarks 1 ms behind the last timestamp.

    A subclass defines ``extract_ascending_timestamp(element)``; or the argument is a function that does it. A
    timestamp that goes back is logged, or handled as :meth:`with_violation_handler` says.
    """

    MonotonyViolationHandler: TypeAlias = _MonotonyViolationHandler
    IgnoringHandler: TypeAlias = _IgnoringHandler
    FailingHandler: TypeAlias = _FailingHandler
    LoggingHandler: TypeAlias = _LoggingHandler

    _extractor: Callable[[Any], int] | None = None
    _current = MIN_TIMESTAMP
    _handler: _MonotonyViolationHandler = _LoggingHandler()

    def __init__(self, extractor: Callable[[Any], int] | None = None) -> None:
        self._extractor = extractor

    def extract_ascending_timestamp(self, element: Any) -> int:
        """Return the event timestamp of a record in ms."""
        if self._extractor is None:
            raise NotImplementedError(f"{type(self).__name__} must define extract_ascending_timestamp(element)")
        return self._extractor(element)

    def with_violation_handler(self, handler: _MonotonyViolationHandler) -> AscendingTimestampExtractor:
        """Say what is done when a timestamp goes back.

        :raises TypeError: that is no handler.
        """
        if not isinstance(handler, _MonotonyViolationHandler):
            raise TypeError(
                "with_violation_handler() takes an AscendingTimestampExtractor.MonotonyViolationHandler such as "
                f"AscendingTimestampExtractor.FailingHandler(), not {handler!r}"
            )
        self._handler = handler
        return self

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        timestamp = self.extract_ascending_timestamp(value)
        if timestamp >= self._current:
            self._current = timestamp
        else:
            self._handler.handle_violation(timestamp, self._current)
        return timestamp

    def get_current_watermark(self) -> Watermark:
        return Watermark(max(self._current - 1, MIN_TIMESTAMP))
