"""What a reporter is.

Most push: they are handed the metrics on an interval, in a thread where they may block. The Prometheus reporter waits
until somebody asks. :mod:`~millstream.common.metrics.reporting` runs both kinds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from millstream.common.metrics.reported_metric import ReportedMetric

__all__ = ["Collect", "PushReporter", "ServedReporter"]

Collect: TypeAlias = Callable[[], Awaitable[Sequence[ReportedMetric]]]
"""Gives the metrics of the process as they are now, filtered for one reporter."""


class PushReporter(Protocol):
    """Sends metrics out. Its methods are called one at a time, each in a thread that may block for seconds."""

    reports_at_close: bool
    """Whether a last report is sent before :meth:`close`."""

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:
        """Send the metrics.

        :param timestamp_ms: when they were read, in milliseconds since the Unix epoch.
        :raises OSError: they could not be sent.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class ServedReporter(Protocol):
    """Gives metrics to whoever asks. Its methods belong to the process's event loop."""

    async def start(self) -> None:
        """Begin to answer.

        :raises OSError: no port can be had.
        """
        ...

    async def close(self) -> None:
        """Answer no more. May be called twice."""
        ...
