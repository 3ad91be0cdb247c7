"""What a TaskManager and its worker launcher say to each other: messages of a fixed size over a Unix socket.

The TaskManager asks for workers and has signals sent to them; the launcher, which is their parent process and the
only one that can tell a live pid from one that was given to a stranger since, reports each start and each end.
A request for a worker carries the worker's end of a socket pair as a file descriptor.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "SAFE_PATH",
    "SAFE_PATH_OF_LAUNCHER",
    "Report",
    "ReportDecoder",
    "ReportKind",
    "Request",
    "RequestKind",
]

SAFE_PATH = "PYTHONSAFEPATH"
SAFE_PATH_OF_LAUNCHER = "millstream"
"""Any value does; this one tells the launcher that it is meant for it alone and not for what users start."""

_REQUEST = struct.Struct("<BQi")
_REPORT = struct.Struct("<BQii")


class RequestKind(IntEnum):
    FORK = 1
    """Start worker ``number``; a file descriptor comes along."""
    SIGNAL = 2
    """Send signal ``argument`` to worker ``number`` if it still lives."""


@dataclass(frozen=True, slots=True)
class Request:
    """From the TaskManager to the launcher."""

    kind: RequestKind
    number: int
    argument: int = 0

    SIZE = _REQUEST.size

    def encode(self) -> bytes:
        return _REQUEST.pack(self.kind, self.number, self.argument)

    @classmethod
    def decode(cls, data: bytes) -> Request:
        kind, number, argument = _REQUEST.unpack(data)
        return cls(RequestKind(kind), number, argument)


class ReportKind(IntEnum):
    READY = 1
    """Everything is imported; workers start in milliseconds from now on."""
    STARTED = 2
    """Worker ``number`` is process ``pid``."""
    EXITED = 3
    """Worker ``number`` ended; ``status`` as in :func:`~millstream.taskmanager.worker.exit_status.describe_exit`."""
    FORK_FAILED = 4
    """Worker ``number`` could not be started; ``status`` is the errno."""
    STOPPED = 5
    """Worker ``number`` stands still, by the signal ``status``."""
    CONTINUED = 6
    """Worker ``number`` goes on."""


@dataclass(frozen=True, slots=True)
class Report:
    """From the launcher to the TaskManager."""

    kind: ReportKind
    number: int = 0
    pid: int = 0
    status: int = 0

    def encode(self) -> bytes:
        return _REPORT.pack(self.kind, self.number, self.pid, self.status)


class ReportDecoder:
    """Cuts the launcher's stream into reports."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Report]:
        """Take what arrived; return the reports that are complete now."""
        self._buffer += data
        whole = len(self._buffer) // _REPORT.size * _REPORT.size
        reports = [
            Report(ReportKind(kind), number, pid, status)
            for kind, number, pid, status in _REPORT.iter_unpack(self._buffer[:whole])
        ]
        self._buffer = self._buffer[whole:]
        return reports
