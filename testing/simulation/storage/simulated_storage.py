"""The storage that all simulated hosts share: it outlives processes, is durable where a real one is, and fails by seed.

Every call comes from a process, or from outside all of them (a test that looks at what is there: such calls never
fail). What a dead process asks for does not happen. What a killed process had written but not synced may be torn.

Only what goes through file systems is simulated: checkpoints, the files of high availability, file sinks. File sources
read the real disk, and what a program opens by itself, a SQLite database say, is real as well.
"""

from __future__ import annotations

from asyncio import events

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystem, FileSystemError, register_file_system
from millstream.common.file_system.failures import missing
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.testing.simulation.process_loop import ProcessLoop
from millstream.testing.simulation.simulated_process import ProcessKilled, SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.storage.simulated_file_system import OverlayFileSystem, SimulatedFileSystem
from millstream.testing.simulation.storage.storage_faults import StorageFaults
from millstream.testing.simulation.storage.volume import StoredFile, Volume
from millstream.testing.simulation.timeline import FAULT

__all__ = ["SimulatedStorage"]

_LATENCY_S = (0.0005, 0.004)
_LONGEST_ON_LOOP_S = 0.05
"""A call on an event loop holds up its whole process, and so the simulated world with it: not for long."""


class SimulatedStorage:
    """One for a simulation. ``sim://<store>/`` and ``file:`` lead to it from when it is made until the simulation is
    closed: the first is empty in the beginning, the second begins with what is on the real disk.

    :ivar faults: how it fails at present.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.faults = StorageFaults()
        self._simulation = simulation
        self._random = simulation.source("storage")
        self._volumes: dict[str, Volume] = {}
        self._local = Volume(LocalFileSystem())
        self._growing: dict[SimulatedProcess, list[StoredFile]] = {}
        self._frozen = False
        ends = [
            register_file_system("sim", self._simulated),
            register_file_system("file", self._overlay),
        ]
        for end in ends:
            simulation.on_close(end)
        simulation.on_close(self._freeze)

    # --- for tests

    def volume(self, store: str) -> Volume:
        """Return what is in ``sim://<store>/``."""
        return self._volumes.setdefault(store, Volume())

    @property
    def local(self) -> Volume:
        """What programs wrote to ``file:``."""
        return self._local

    # --- for file systems

    @property
    def now_ms(self) -> int:
        return self._simulation.now_ms

    def token(self) -> str:
        """Return part of a hidden name."""
        return f"{self._random.getrandbits(32):08x}"

    def call(self, action: str, path: str, *, writes: bool = False) -> None:
        """A call begins.

        :raises FileSystemError: it fails, without effect.
        :raises ProcessKilled: the process is dead.
        """
        process = self._caller()
        if process is None:
            return
        faults = self.faults
        chance = self._random.random
        delay = self._random.uniform(*_LATENCY_S)
        if faults.slow and chance() < faults.slow:
            delay += faults.slow_s * chance()
            self._note(process, f"is slow to {action} {path}: {delay:.3f} s")
        self._take_time(process, delay)
        if writes and faults.full:
            self._note(process, f"is full: cannot {action} {path}")
            raise FileSystemError(f"cannot {action} {path}: no space left on device; free space there")
        if faults.error_before and chance() < faults.error_before:
            self._note(process, f"fails before it would {action} {path}")
            raise FileSystemError(f"cannot {action} {path}: input/output error")

    def done(self, action: str, path: str) -> None:
        """A change was made.

        :raises FileSystemError: the answer says that it was not.
        """
        process = self._caller()
        if process is not None and self.faults.error_after and self._random.random() < self.faults.error_after:
            self._note(process, f"fails after it did {action} {path}")
            raise FileSystemError(f"cannot {action} {path}: input/output error; it may have been done")

    def look(self, path: str) -> None:
        """A file is looked for.

        :raises FileNotFoundError: it is not found, though it may be there.
        """
        if self._caller() is not None and self.faults.missing and self._random.random() < self.faults.missing:
            raise missing(path)

    def lists(self, file: StoredFile | None) -> bool:
        """Whether a listing has a file already."""
        lag = self.faults.listing_lag_s
        if not lag or file is None or self._caller() is None:
            return True
        return self._simulation.elapsed - file.created_at > lag or self._random.random() < 0.5

    def new_file(self, content: bytes | bytearray | memoryview = b"") -> StoredFile:
        """Return a file that the calling process is about to write."""
        file = StoredFile(bytearray(content), self.now_ms, self._simulation.elapsed)
        process = self._caller()
        if process is not None:
            growing = self._growing.get(process)
            if growing is None:
                growing = self._growing[process] = []
                process.on_end(lambda _: self._tear(process))
            growing.append(file)
        return file

    def append(self, file: StoredFile, data: bytes | memoryview, path: str) -> None:
        """The calling process writes on.

        :raises ProcessKilled: it ended in the midst of that.
        """
        process = self._caller()
        if process is not None and self.faults.killed_writing and self._random.random() < self.faults.killed_writing:
            file.content += bytes(data)[: self._random.randint(0, memoryview(data).nbytes)]
            self._simulation.timeline.record(FAULT, f"is killed while it writes {path}", process.name)
            process.kill(f"while it wrote {path}")
            raise ProcessKilled
        file.content += data

    def closed(self, file: StoredFile) -> None:
        """Nobody writes to a file any more."""
        for growing in self._growing.values():
            if file in growing:
                growing.remove(file)

    def move(self, volume: Volume, source: str, target: str) -> None:
        """Rename within a volume."""
        volume.move(source, target, self._simulation.elapsed, self.now_ms)

    def is_dead(self) -> bool:
        """Whether who calls is a process that has ended."""
        process = self._caller_of_any_state()
        return self._frozen or (process is not None and not process.alive)

    # ---

    def _simulated(self, base: str, _: Configuration) -> FileSystem:
        return SimulatedFileSystem(self, self.volume(base.partition("://")[2].rstrip("/")))

    def _overlay(self, _base: str, _: Configuration) -> FileSystem:
        return OverlayFileSystem(self, self._local)

    def _caller(self) -> SimulatedProcess | None:
        if self.is_dead():
            raise ProcessKilled
        return self._caller_of_any_state()

    def _caller_of_any_state(self) -> SimulatedProcess | None:
        process = Simulation.current_process()
        if process is None:
            # A dead process's coroutines are closed outside of all processes.
            loop = events._get_running_loop()
            process = loop.process if isinstance(loop, ProcessLoop) else None
        return process

    def _take_time(self, process: SimulatedProcess, seconds: float) -> None:
        if events._get_running_loop() is None:
            process.loop.executors.lengthen(seconds)
        else:
            self._simulation.spend(int(min(seconds, _LONGEST_ON_LOOP_S) * 1e9))

    def _tear(self, process: SimulatedProcess) -> None:
        """The process has ended: of what it had not synced some is lost."""
        for file in self._growing.pop(process, []):
            length = self._random.randint(min(file.synced, len(file.content)), len(file.content))
            del file.content[length:]

    def _note(self, process: SimulatedProcess, text: str) -> None:
        self._simulation.timeline.record("storage", text, process.name)

    def _freeze(self) -> None:
        self._frozen = True
