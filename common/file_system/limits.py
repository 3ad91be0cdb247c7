"""Bounds on how many files of one store are open at the same time.

A small cluster file system can break when hundreds of tasks begin their checkpoints at once. Whoever wants to open one
file too many waits. A stream that has moved no byte for too long is closed when somebody waits for its place; its owner
gets an error when it goes on.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from millstream.common.config import Configuration, FileSystemOptions
from millstream.common.config.option import OptionTemplate
from millstream.common.file_system.file_system import AtomicOutput, FileStatus, FileSystem, FileSystemError

__all__ = ["LimitedFileSystem", "StreamLimits"]

_LOOK_S = 0.05
"""How often who waits looks for streams that stand still; only where there is a bound on that."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """The bounds for one scheme; 0 or less means none.

    :ivar timeout_s: how long opening a file waits for its turn.
    :ivar stream_timeout_s: after how long a stream that moves nothing may be closed.
    """

    total: int = 0
    input: int = 0
    output: int = 0
    timeout_s: float = 0
    stream_timeout_s: float = 0

    @staticmethod
    def of(scheme: str, configuration: Configuration) -> StreamLimits | None:
        """What is configured for a scheme; ``None``: there are no bounds."""

        def number(template: OptionTemplate[int | None]) -> int:
            return configuration.get(template.option(scheme)) or 0

        def seconds(template: OptionTemplate[timedelta | None]) -> float:
            return (configuration.get(template.option(scheme)) or timedelta()).total_seconds()

        limits = StreamLimits(
            number(FileSystemOptions.LIMIT_TOTAL),
            number(FileSystemOptions.LIMIT_INPUT),
            number(FileSystemOptions.LIMIT_OUTPUT),
            seconds(FileSystemOptions.LIMIT_TIMEOUT),
            seconds(FileSystemOptions.LIMIT_STREAM_TIMEOUT),
        )
        return limits if max(limits.total, limits.input, limits.output) > 0 else None


class _Ticket:
    """The place of one open stream.

    :ivar close: closes the stream itself, when its place is taken away.
    """

    __slots__ = ("close", "is_output", "moved_at", "path", "taken_away")

    def __init__(self, path: str, is_output: bool, now: float) -> None:
        self.path = path
        self.is_output = is_output
        self.moved_at = now
        self.taken_away = False
        self.close: Callable[[], None] | None = None


class _Places:
    """Gives out places; thread-safe."""

    def __init__(self, limits: StreamLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._tickets: set[_Ticket] = set()
        self._changed = threading.Condition()

    def take(self, path: str, is_output: bool) -> _Ticket:
        limits = self._limits
        deadline = self._clock() + limits.timeout_s if limits.timeout_s > 0 else None
        while True:
            stale: _Ticket | None = None
            with self._changed:
                if self._is_free(is_output):
                    ticket = _Ticket(path, is_output, self._clock())
                    self._tickets.add(ticket)
                    return ticket
                stale = self._stale(is_output)
                if stale is None:
                    left = None if deadline is None else deadline - self._clock()
                    if left is not None and left <= 0:
                        raise FileSystemError(
                            f"cannot open {path}: all {len(self._tickets)} streams that the limits of this file system "
                            f"allow were in use for {limits.timeout_s:g} s; raise fs.<scheme>.limit.* or its timeout"
                        )
                    if limits.stream_timeout_s > 0:
                        left = _LOOK_S if left is None else min(left, _LOOK_S)
                    self._changed.wait(left)
                    continue
                stale.taken_away = True
                self._tickets.discard(stale)
            if stale.close is not None:
                stale.close()

    def give_back(self, ticket: _Ticket) -> None:
        with self._changed:
            self._tickets.discard(ticket)
            self._changed.notify_all()

    def moved(self, ticket: _Ticket) -> None:
        """Note that a stream works; an error if its place was taken away."""
        if ticket.taken_away:
            raise FileSystemError(
                f"{ticket.path} was closed: it moved no byte for {self._limits.stream_timeout_s:g} s while others "
                "waited for its place; raise fs.<scheme>.limit.stream-timeout"
            )
        ticket.moved_at = self._clock()

    def _is_free(self, is_output: bool) -> bool:
        limits = self._limits
        own = limits.output if is_output else limits.input
        used = sum(ticket.is_output == is_output for ticket in self._tickets)
        return (limits.total <= 0 or len(self._tickets) < limits.total) and (own <= 0 or used < own)

    def _stale(self, is_output: bool) -> _Ticket | None:
        """A stream that stands still and whose place would help."""
        if self._limits.stream_timeout_s <= 0:
            return None
        horizon = self._clock() - self._limits.stream_timeout_s
        total_is_free = self._limits.total <= 0 or len(self._tickets) < self._limits.total
        for ticket in self._tickets:
            helps = ticket.is_output == is_output or not total_is_free
            if ticket.close is not None and helps and ticket.moved_at <= horizon:
                return ticket
        return None


class LimitedFileSystem:
    """A file system within bounds."""

    def __init__(self, inner: FileSystem, limits: StreamLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._places = _Places(limits, clock)

    def create(self, path: str) -> AtomicOutput:
        ticket = self._places.take(path, is_output=True)
        return self._opened(ticket, lambda: _LimitedOutput(self._inner.create(path), self._places, ticket))

    def open(self, path: str) -> BinaryIO:
        ticket = self._places.take(path, is_output=False)

        def opened() -> BinaryIO:
            file = _LimitedInput(self._inner.open(path), self._places, ticket)
            return cast(BinaryIO, io.BufferedReader(file))

        return self._opened(ticket, opened)

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        return self._within(path, True, lambda: self._inner.write(path, chunks))

    def read(self, path: str) -> bytes:
        return self._within(path, False, lambda: self._inner.read(path))

    def upload(self, source: Path, path: str) -> int:
        return self._within(path, True, lambda: self._inner.upload(source, path))

    def download(self, path: str, target: Path) -> int:
        return self._within(path, False, lambda: self._inner.download(path, target))

    def exists(self, path: str) -> bool:
        return self._inner.exists(path)

    def list(self, path: str) -> list[FileStatus]:
        return self._inner.list(path)

    def make_directories(self, path: str) -> None:
        self._inner.make_directories(path)

    def delete(self, path: str) -> None:
        self._inner.delete(path)

    def delete_directory(self, path: str) -> None:
        self._inner.delete_directory(path)

    def move(self, source: str, target: str) -> None:
        self._inner.move(source, target)

    def _opened(self, ticket: _Ticket, opening: Callable[[], T]) -> T:
        try:
            return opening()
        except BaseException:
            self._places.give_back(ticket)
            raise

    def _within(self, path: str, is_output: bool, operation: Callable[[], T]) -> T:
        ticket = self._places.take(path, is_output)
        try:
            return operation()
        finally:
            self._places.give_back(ticket)


class _LimitedOutput:
    def __init__(self, inner: AtomicOutput, places: _Places, ticket: _Ticket) -> None:
        self._inner = inner
        self._places = places
        self._ticket = ticket
        # The owner may be in the middle of a write: it learns of it at its next step, and discards.
        ticket.close = _nothing

    def write(self, data: bytes | memoryview) -> None:
        self._places.moved(self._ticket)
        self._inner.write(data)

    def commit(self) -> None:
        self._places.moved(self._ticket)
        self._inner.commit()
        self._places.give_back(self._ticket)

    def discard(self) -> None:
        self._inner.discard()
        self._places.give_back(self._ticket)


class _LimitedInput(io.RawIOBase):
    def __init__(self, inner: BinaryIO, places: _Places, ticket: _Ticket) -> None:
        self._inner = inner
        self._places = places
        self._ticket = ticket
        ticket.close = inner.close

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._places.moved(self._ticket)
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._places.moved(self._ticket)
        return self._inner.seek(offset, whence)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._places.give_back(self._ticket)
        super().close()


def _nothing() -> None:
    pass
