"""The process's end of the socket to the master that has a package run here.

The socket comes as standard input, which the program then finds empty. When the master closes it, also by dying, this
process and all that it has started end at once: nobody waits for them any more.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
from typing import Final

from millstream.common.package_messages import LENGTH_BYTES, framed, length_of
from millstream.common.wire.package_run_pb2 import JobAnswer, PackageEvent, PackageRun

__all__ = ["PackageChannel"]

_STDIN: Final = 0


class PackageChannel:
    """Speaks to the master. One for the process.

    :ivar run: what the master wants to have run.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(_STDIN))
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, _STDIN)
        os.close(empty)
        self.run = PackageRun.FromString(self._read_message())
        self._answers: queue.SimpleQueue[JobAnswer] = queue.SimpleQueue()
        self._lock = threading.Lock()
        threading.Thread(target=self._read_answers, name="package-channel", daemon=True).start()

    def ask(self, event: PackageEvent) -> JobAnswer:
        """Tell of a job, and wait for what the cluster says to it."""
        with self._lock:
            self._socket.sendall(framed(event))
            return self._answers.get()

    def tell(self, event: PackageEvent) -> None:
        """Say the last word."""
        with self._lock:
            self._socket.sendall(framed(event))

    def _read_answers(self) -> None:
        try:
            while True:
                self._answers.put(JobAnswer.FromString(self._read_message()))
        except OSError:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    def _read_message(self) -> bytes:
        return self._read_exactly(length_of(self._read_exactly(LENGTH_BYTES)))

    def _read_exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            block = self._socket.recv(size - len(content))
            if not block:
                raise ConnectionResetError("the master has closed the connection")
            content += block
        return bytes(content)
