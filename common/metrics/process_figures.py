"""What the operating system knows about some processes, read at most once a second.

A TaskManager's figures are those of its daemon and of its slot workers together. A report asks for a dozen of them
one after the other; they all come from one look.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Figures", "ProcessFigures"]

_FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of all processes together.

    :ivar private_bytes: memory in use that is theirs alone.
    :ivar shared_bytes: memory in use that files or other processes stand behind; programs and libraries, mostly.
    :ivar cpu_seconds: processor time that was used since each was first seen, ended processes included.
    :ivar cpu_load: how much of the host's processors they kept busy between the last two looks, 0 to 1.
    """

    private_bytes: int
    shared_bytes: int
    threads: int
    cpu_seconds: float
    cpu_load: float


class ProcessFigures:
    """Looks at this process and others that belong to it.

    :param others: ids of the other processes; those that have ended meanwhile are passed over.
    :param monotonic: seconds on a clock that never goes backwards.
    """

    __slots__ = ("_cpu_of", "_cpu_seconds", "_figures", "_looked_at", "_monotonic", "_others")

    def __init__(
        self, others: Callable[[], Iterable[int]] = tuple, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._others = others
        self._monotonic = monotonic
        self._cpu_of: dict[int, float] = {}
        self._cpu_seconds = 0.0
        self._looked_at: float | None = None
        self._figures = Figures(0, 0, 0, 0.0, 0.0)

    def read(self) -> Figures:
        """The figures, at most a second old."""
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= _FRESH_SECONDS:
            elapsed = None if self._looked_at is None else now - self._looked_at
            self._figures = self._look(elapsed)
            self._looked_at = now
        return self._figures

    def _look(self, elapsed: float | None) -> Figures:
        import psutil

        private = shared = threads = 0
        cpu_before, cpu_of = self._cpu_seconds, dict[int, float]()
        for pid in {os.getpid(), *self._others()}:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    memory, times = process.memory_info(), process.cpu_times()
                    threads += process.num_threads()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            own_shared = min(getattr(memory, "shared", 0), memory.rss)
            shared += own_shared
            private += memory.rss - own_shared
            cpu_of[pid] = times.user + times.system
            # An id that now belongs to a younger process has less than it had.
            self._cpu_seconds += max(cpu_of[pid] - self._cpu_of.get(pid, 0.0), 0.0)
        self._cpu_of = cpu_of
        load = 0.0
        if elapsed is not None:
            load = min((self._cpu_seconds - cpu_before) / elapsed / (os.cpu_count() or 1), 1.0)
        return Figures(private, shared, threads, self._cpu_seconds, load)
