"""Sends the metrics to Graphite in its plain text format: a line of name, value and time for each number."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from typing import Final

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.numbers_by_name import Naming, numbers
from millstream.common.metrics.scope_formats import ScopeFormats

__all__ = ["GraphiteReporter"]

_NAMING: Final = Naming(count=".count", rate=".m1_rate")
_LEFT_OUT: Final = re.compile(r"[<>\"]")
_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_REPLACED: Final = re.compile(r"[,=;:?'*]")
_PROTOCOLS: Final = ("TCP", "UDP")
_DEFAULT_PORT: Final = 2003
_TIMEOUT_SECONDS: Final = 5.0


class GraphiteReporter:
    """Keeps a connection, and makes a new one where it broke. Parameters: ``host``, ``port`` and ``protocol``."""

    reports_at_close = True

    def __init__(self, settings: ReporterSettings, formats: ScopeFormats) -> None:
        settings.check_parameters(("host", "port", "protocol"))
        self._host = settings.required("host", "localhost")
        self._port = settings.port("port", _DEFAULT_PORT)
        self._protocol = settings.text("protocol", "TCP").upper()
        if self._protocol not in _PROTOCOLS:
            raise settings.wrong("protocol", f"expected {' or '.join(_PROTOCOLS)}")
        self._delimiter = settings.delimiter(formats)
        self._connection: socket.socket | None = None

    def report(self, metrics: Sequence[ReportedMetric], timestamp_ms: int) -> None:
        seconds = timestamp_ms // 1000
        lines = [line for metric in metrics for line in self._lines(metric, seconds)]
        if self._protocol == "UDP":
            self._send_datagrams(lines)
            return
        data = b"".join(lines)
        if self._connection is not None:
            if not _is_closed(self._connection):
                try:
                    self._connection.sendall(data)
                except OSError:
                    # Graphite was restarted, most likely. Lines that it has already are set to the same values again.
                    self.close()
                else:
                    return
            self.close()
        self._connection = socket.create_connection((self._host, self._port), _TIMEOUT_SECONDS)
        try:
            self._connection.sendall(data)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _send_datagrams(self, lines: Sequence[bytes]) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sending:
            for line in lines:
                sending.sendto(line, address)

    def _lines(self, metric: ReportedMetric, seconds: int) -> Iterator[bytes]:
        name = self._delimiter.join(map(_fitting, metric.components))
        for suffix, number in numbers(metric, _NAMING):
            yield f"{name}{suffix} {number} {seconds}\n".encode()


def _fitting(component: str) -> str:
    return _REPLACED.sub("-", _BLANK.sub("_", _LEFT_OUT.sub("", component)))


def _is_closed(connection: socket.socket) -> bool:
    """Whether Graphite has closed it: the first write after that would still succeed, and be lost."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(_TIMEOUT_SECONDS)
