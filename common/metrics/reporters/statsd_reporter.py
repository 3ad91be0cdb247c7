"""Sends the metrics to StatsD as gauges, in UDP datagrams.

Counters are gauges too: they are totals, and StatsD's own counters are differences.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from typing import Final

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.numbers_by_name import Naming, numbers
from millstream.common.metrics.scope_formats import ScopeFormats

__all__ = ["StatsDReporter"]

_NAMING: Final = Naming(count="", rate=".rate")
# What ends a name, a value or a line in StatsD's format.
_NOT_IN_NAMES: Final = re.compile(r"[:|@#\s\x00-\x1f\x7f]")
# A datagram of this size passes any network in one piece.
_DATAGRAM_BYTES: Final = 1400


class StatsDReporter:
    """Has the parameters ``host`` and ``port``."""

    reports_at_close = True

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:
        settings.check_parameters(("host", "port"))
        self._host = settings.required("host", "localhost")
        self._port = settings.port("port")
        self._delimiter = settings.delimiter(formats)

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:  # StatsD's own
        family, kind, protocol, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sending:
            for datagram in _datagrams(line for metric in metrics for line in self._lines(metric)):
                sending.sendto(datagram, address)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _lines(self, metric: ReportedMetric) -> Iterator[bytes]:
        name = self._delimiter.join(_NOT_IN_NAMES.sub("-", part) for part in metric.components)
        for suffix, number in numbers(metric, _NAMING):
            if number < 0:
                # A number with a sign changes a gauge instead of setting it; from 0 both are the same. The two stay
                # in one piece, so that they arrive in this order or not at all.
                yield f"{name}{suffix}:0|g\n{name}{suffix}:{number}|g\n".encode()
            else:
                yield f"{name}{suffix}:{number}|g\n".encode()


def _datagrams(lines: Iterator[bytes]) -> Iterator[bytes]:
    datagram = b""
    for line in lines:
        if datagram and len(datagram) + len(line) > _DATAGRAM_BYTES:
            yield datagram[:-1]
            datagram = b""
        datagram += line
    if datagram:
        yield datagram[:-1]
