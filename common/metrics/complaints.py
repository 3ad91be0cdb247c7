"""Says in the log that a reporter fails, without filling the log: at most once a minute for each reporter."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Complaints"]

_logger = logging.getLogger(__name__)

_QUIET_SECONDS: Final = 60.0


class Complaints:
    """The failures of one reporter.

    :param reporter: what the user calls it.
    :param monotonic: seconds on a clock that never goes backwards.
    """

    __slots__ = ("_last", "_monotonic", "_passed_over", "_reporter")

    def __init__(self, reporter: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reporter = reporter
        self._monotonic = monotonic
        self._last: float | None = None
        self._passed_over = 0

    def add(self, what: str, error: BaseException) -> None:
        """Log that the reporter could not do something, unless it was said a moment ago.

        :param what: what it could not do, as in "send a report".
        """
        now = self._monotonic()
        if self._last is not None and now - self._last < _QUIET_SECONDS:
            self._passed_over += 1
            return
        more = f" {self._passed_over} failures before this one were not logged." if self._passed_over else ""
        self._last, self._passed_over = now, 0
        _logger.warning(
            "The metrics reporter %s could not %s: %s: %s.%s It tries again; jobs are not affected.",
            self._reporter,
            what,
            type(error).__name__,
            error,
            more,
            # A broken connection is told by its message; anything else is for whoever mends the reporter.
            exc_info=None if isinstance(error, OSError) else error,
        )
