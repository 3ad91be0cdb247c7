"""Signs of life of an attached client, for a job that is to end with it (``run -sae``)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from millstream.common.errors import MillstreamError

__all__ = ["HeartbeatSender"]

_log = logging.getLogger(__name__)

_CLOSE_SECONDS: Final = 5.0


class HeartbeatSender:
    """Reports from a thread of its own until it is closed.

    :param report: tells the cluster until when to believe that this client lives, in ms since the epoch.
    :param interval: between two reports.
    :param timeout: for how long one counts.
    """

    def __init__(self, report: Callable[[int], None], interval: timedelta, timeout: timedelta) -> None:
        self._report = report
        self._interval = interval.total_seconds()
        self._timeout_ms = int(timeout.total_seconds() * 1000)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="millstream-heartbeats", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Report no more. May be called twice."""
        self._closed.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self._report(int(time.time() * 1000) + self._timeout_ms)
            except MillstreamError as error:  # the next one may get through; the waiting thread tells what is wrong
                _log.info("The cluster does not know that this client lives: %s", error)
