"""Bytes that a forked copy of this process makes of the memory as it was at one moment.

To fork is to copy page tables, not pages: a few milliseconds, however much state there is. The child has all objects
as they were, and nothing that its parent does reaches them; it turns them into bytes and writes these into a pipe, from
which a thread of the parent takes them.

A fork of a process with threads is a delicate thing: in the child only the thread that forked goes on, and a lock that
another one held stays locked. Therefore the child does nothing but pickle: no logging, no imports that are not there
already, no connections; it closes every file descriptor but its pipe, so that no socket of the worker stays open
because of it, and it ends with ``os._exit``, so that nothing is flushed or finalised twice. If it is caught in a lock
all the same, whoever waits for the snapshot gives up in time and calls :meth:`ForkedStream.discard`.

The child ends when its parent does: with the reading end of the pipe gone, its next write ends it.
"""

from __future__ import annotations

import gc
import os
import signal
import struct
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Final, NoReturn

from millstream.common.errors import MillstreamError

__all__ = ["ForkedStream", "can_fork"]

_HEAD: Final = struct.Struct("<cQ")  # what follows, and how long it is
_CHUNK, _REFUSED, _FAILED, _END = b"c", b"r", b"f", b"e"
_PIPE_SIZE: Final = 1 << 20  # bytes, where the system lets us choose
_READ_SIZE: Final = 1 << 20
_FIRST_FREE: Final = 3  # after stdin, stdout, stderr
_MOST_FILES: Final = 1 << 30


def can_fork() -> bool:
    """Whether this platform has what is needed."""
    # On macOS system libraries crash in forked children.
    return hasattr(os, "fork") and sys.platform != "darwin"


class ForkedStream:
    """The chunks of one child. Either :meth:`chunks` is used up (or closed), or :meth:`discard` is called."""

    def __init__(self, produce: Callable[[], Iterable[bytes]]) -> None:
        """Fork; returns in the parent.

        :param produce: makes the chunks, in the child.
        :raises OSError: the system has no process or memory left.
        """
        self._lock = threading.Lock()
        self._reading = False
        self._reaped = False
        self._discarded = False
        self._pipe, write_end = os.pipe()
        with suppress(ImportError, OSError, AttributeError):
            import fcntl

            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        try:
            self._pid = _fork()
        except BaseException:
            os.close(self._pipe)
            os.close(write_end)
            raise
        if self._pid == 0:
            _run_child(write_end, produce)
        os.close(write_end)

    def chunks(self) -> Generator[bytes, None, None]:
        """Give the chunks; blocks, in a thread. Called at most once.

        :raises MillstreamError: making them failed, the child died, or this was discarded.
        """
        with self._lock:
            if self._discarded:
                raise _discarded()
            self._reading = True
        ended = False
        try:
            while not ended:
                kind, payload = self._next()
                if kind == _CHUNK:
                    yield payload
                elif kind == _REFUSED:
                    raise MillstreamError(payload.decode())
                elif kind == _FAILED:
                    raise MillstreamError(f"the process that writes the snapshot failed:\n{payload.decode()}")
                else:
                    ended = True
        finally:
            os.close(self._pipe)
            self._reap(kill=not ended)

    def _next(self) -> tuple[bytes, bytes]:
        head = self._read(_HEAD.size)
        kind, size = _HEAD.unpack(head)
        return kind, self._read(size)

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._pipe, min(size, _READ_SIZE))
            if not part:
                raise self._died()
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _died(self) -> MillstreamError:
        if self._discarded:
            return _discarded()
        status = self._reap(kill=False)
        how = "ended without a word"
        if status is not None and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            how = f"was ended by signal {signal.Signals(number).name}"
            if number == signal.SIGKILL:
                how += " (the system may have run out of memory: what changes during a snapshot is held twice)"
        return MillstreamError(
            f"the process that writes the snapshot {how}; the checkpoint is lost, the next one may succeed. "
            "state.backend.heap.snapshot.fork: false writes snapshots without a process"
        )

    def discard(self) -> None:
        """End the child if it is there yet. From any thread, at any time, more than once."""
        with self._lock:
            if self._discarded or self._reaped:
                return
            self._discarded = True
            os.kill(self._pid, signal.SIGKILL)  # not reaped yet, so the pid is still the child's
            if self._reading:
                return  # who reads sees the end, and reaps
        os.close(self._pipe)
        self._reap(kill=False)

    def _reap(self, *, kill: bool) -> int | None:
        with self._lock:
            if self._reaped:
                return None
            if kill:
                with suppress(ProcessLookupError):  # somebody else took its status
                    os.kill(self._pid, signal.SIGKILL)
            self._reaped = True
            try:
                return os.waitpid(self._pid, 0)[1]
            except ChildProcessError:  # the same
                return None


def _discarded() -> MillstreamError:
    return MillstreamError("the snapshot is not wanted any more")


def _fork() -> int:
    enabled = gc.isenabled()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # in the child until it is alone
    gc.disable()  # a collection would take time here, and in the child it would touch, and so copy, all pages
    pid = -1
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of forks in processes with threads; what there is to it is said above.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            if enabled:
                gc.enable()
    return pid


def _run_child(pipe: int, produce: Callable[[], Iterable[bytes]]) -> NoReturn:
    try:
        gc.freeze()  # it is disabled already; this is for user code that collects
        _be_alone(pipe)
        try:
            for chunk in produce():
                _send(_CHUNK, chunk)
            _send(_END, b"")
        except MillstreamError as error:
            _send(_REFUSED, str(error).encode("utf-8", "replace"))
        except Exception:  # noqa: BLE001  # whatever it is, the parent raises it
            _send(_FAILED, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        os._exit(0)


def _be_alone(pipe: int) -> None:
    """Have nothing in common with the parent any more but the pipe, which becomes the first free descriptor."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        # What the worker ignores (say, Ctrl-C in a terminal) is ignored here too, but for the end of the pipe.
        if number == signal.SIGPIPE or signal.getsignal(number) != signal.SIG_IGN:
            with suppress(OSError, ValueError):  # some cannot be set
                signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    if pipe != _FIRST_FREE:
        os.dup2(pipe, _FIRST_FREE)
    os.closerange(_FIRST_FREE + 1, _MOST_FILES)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST_FREE):
        os.dup2(nothing, standard)
    os.close(nothing)


def _send(kind: bytes, payload: bytes) -> None:
    for part in (_HEAD.pack(kind, len(payload)), payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(_FIRST_FREE, rest) :]
