"""A source that reads lines from a server's socket."""

from __future__ import annotations

import codecs
import logging
import socket
import threading

from millstream.datastream.functions import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    SourceContext,
    SourceFunction,
)

__all__ = ["SocketTextStreamFunction"]

_LOG = logging.getLogger(__name__)
_CONNECT_TIMEOUT = 60.0
_RETRY_PAUSE = 0.5
_CHUNK = 8192


class SocketTextStreamFunction(SourceFunction, CheckpointedFunction):
    r"""Emits what a server sends, parted by a delimiter. UTF-8; with the delimiter ``\n`` an ``\r`` before it goes too.

    What comes after the last delimiter is emitted when the connection ends for good.

    A connection cannot be read twice: when the job goes on from a checkpoint, what had come since then is lost.

    :param max_retry: how often to connect again, half a second apart, when the connection ends or cannot be made;
        0: never, negative: for ever.
    """

    def __init__(self, host: str, port: int, delimiter: str = "\n", max_retry: int = 0) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError(f"port is out of range: {port!r}")
        if not isinstance(delimiter, str) or not delimiter:
            raise ValueError(f"the delimiter is a text that is not empty, not {delimiter!r}")
        self._host = host
        self._port = port
        self._delimiter = delimiter
        self._max_retry = max_retry
        self._stopped: threading.Event | None = None
        self._socket: socket.socket | None = None
        self._has_warned = False

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        """There is none."""

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        """Nothing to keep; say so once."""
        if not self._has_warned:
            self._has_warned = True
            _LOG.warning(
                "The socket source of %s:%d cannot be reset: after a failure, what came since the last checkpoint is "
                "lost. Read from something that keeps its data, if that matters",
                self._host,
                self._port,
            )

    def run(self, ctx: SourceContext) -> None:
        """Connect and emit until the server closes the connection.

        :raises ConnectionError: no connection can be made, and none is to be tried again.
        """
        stopped = self._events()
        attempts = 0
        rest = ""
        while not stopped.is_set():
            try:
                rest = self._read(ctx, stopped, rest)
            except OSError as error:
                if stopped.is_set():
                    return
                if 0 <= self._max_retry <= attempts:
                    raise ConnectionError(
                        f"Connection to {self._host}:{self._port} failed: {error}; start the server first, or give "
                        "socket_text_stream a max_retry"
                    ) from error
                _LOG.warning("Connection to %s:%d failed, trying again: %s", self._host, self._port, error)
            else:
                if stopped.is_set() or 0 <= self._max_retry <= attempts:
                    break
                _LOG.info("%s:%d closed the connection, connecting again", self._host, self._port)
            attempts += 1
            stopped.wait(_RETRY_PAUSE)
        if rest and not stopped.is_set():
            self._emit(ctx, [rest])

    def cancel(self) -> None:
        self._events().set()
        connection = self._socket
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                _LOG.debug("The connection to %s:%d had ended already", self._host, self._port)

    def _events(self) -> threading.Event:
        # Not made in __init__: an event cannot be pickled.
        if self._stopped is None:
            self._stopped = threading.Event()
        return self._stopped

    def _read(self, ctx: SourceContext, stopped: threading.Event, rest: str) -> str:
        """One connection, to its end. Returns what came after the last delimiter."""
        with socket.create_connection((self._host, self._port), _CONNECT_TIMEOUT) as connection:
            connection.settimeout(None)
            self._socket = connection
            try:
                decoder = codecs.getincrementaldecoder("utf-8")("replace")
                while not stopped.is_set():
                    received = connection.recv(_CHUNK)
                    rest += decoder.decode(received, final=not received)
                    *lines, rest = rest.split(self._delimiter)
                    self._emit(ctx, lines)
                    if not received:
                        break
            finally:
                self._socket = None
        return rest

    def _emit(self, ctx: SourceContext, lines: list[str]) -> None:
        strip = self._delimiter == "\n"
        with ctx.get_checkpoint_lock():
            for line in lines:
                ctx.collect(line[:-1] if strip and line.endswith("\r") else line)
