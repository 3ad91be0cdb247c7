"""One thread, one virtual clock, one seed: runs the processes of a simulated world.

In each step one process that has something to do is picked by the seed, and a few of its callbacks run, each taking a
little virtual time. When nobody has anything to do, time jumps to the next timer. What belongs to no process (packets
under way, servers that are modelled, faults) is scheduled with :meth:`Simulation.at`.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from types import TracebackType
from typing import Any, ClassVar, TypeAlias

from millstream.testing.simulation.determinism import determined_by
from millstream.testing.simulation.network import SimulatedNetwork
from millstream.testing.simulation.process_loop import ProcessLoop
from millstream.testing.simulation.simulated_process import ProcessError, SimulatedProcess
from millstream.testing.simulation.timeline import Timeline

__all__ = ["Cancel", "Simulation", "SimulationTimeoutError"]

Cancel: TypeAlias = Callable[[], None]
"""Ends what was asked for; harmless when it is over."""

_MONOTONIC_START_NS = 100_000_000_000_000
"""What ``loop.time()`` begins with: like a machine that has been up for a while."""
_LONGEST_BATCH = 8
_CHEAPEST_CALLBACK_NS = 1_000
_CALLBACK_SPREAD_NS = 20_000
_FIRST_PID = 4_000


class SimulationTimeoutError(Exception):
    """What was waited for did not happen. The message has the state of all processes and the last events."""


class _Action:
    """Something that is scheduled outside all processes."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[[], object]) -> None:
        self.run: Callable[[], object] | None = run


class Simulation:
    """A simulated world. Only one exists at a time; close it (it is a context manager).

    :param seed: decides everything that is left to chance.
    :param start_ms: wall clock time at the beginning, in milliseconds since the Unix epoch.
    :ivar timeline: what happened.
    :ivar network: between the hosts.
    :ivar processes: all that were ever started, by name, in the order of their start.
    :ivar errors: what nobody handled in any process: findings.
    """

    _current: ClassVar[Simulation | None] = None

    def __init__(self, seed: int, start_ms: int = 1_700_000_000_000) -> None:
        if Simulation._current is not None:
            raise RuntimeError("another simulation is under way in this process; close it first")
        if events._get_running_loop() is not None:
            raise RuntimeError("a simulation runs its own event loops: it cannot run within one")
        self.seed = seed
        self.timeline = Timeline(lambda: self.elapsed)
        self.processes: dict[str, SimulatedProcess] = {}
        self.errors: list[ProcessError] = []
        self._start_ms = start_ms
        self._elapsed_ns = 0
        self._random = self.source("schedule")
        self._agenda: list[tuple[int, int, ProcessLoop | None, Any]] = []
        self._scheduled = 0
        self._cancelled = 0
        self._runnable: list[ProcessLoop] = []
        self._running: SimulatedProcess | None = None
        self._next_pid = _FIRST_PID
        self._closed = False
        self._on_close: list[Callable[[], None]] = []
        self.network = SimulatedNetwork(self)
        self._resources = ExitStack()
        self._resources.enter_context(determined_by(self))
        Simulation._current = self

    def __enter__(self) -> Simulation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------- the world

    @classmethod
    def current(cls) -> Simulation:
        """Return the simulation that is under way.

        :raises RuntimeError: there is none.
        """
        if cls._current is None:
            raise RuntimeError("no simulation is under way")
        return cls._current

    @classmethod
    def current_process(cls) -> SimulatedProcess | None:
        """Return the process whose code runs right now; ``None`` outside all processes."""
        return cls._current._running if cls._current is not None else None

    def running_process(self) -> SimulatedProcess | None:
        """Return the process whose code runs right now; ``None`` outside all processes."""
        return self._running

    @property
    def now_ms(self) -> int:
        """True virtual time, in milliseconds since the Unix epoch."""
        return self._start_ms + self._elapsed_ns // 1_000_000

    @property
    def now_ns(self) -> int:
        """True virtual time, in nanoseconds since the Unix epoch."""
        return self._start_ms * 1_000_000 + self._elapsed_ns

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the beginning."""
        return self._elapsed_ns / 1e9

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the beginning."""
        return self._elapsed_ns

    @property
    def monotonic_ns(self) -> int:
        """What every process's monotonic clock shows."""
        return _MONOTONIC_START_NS + self._elapsed_ns

    def spend(self, nanoseconds: int) -> None:
        """Let time pass within a callback: what runs takes so much longer."""
        self._elapsed_ns += nanoseconds

    def source(self, name: str) -> random.Random:
        """Return a new stream of random numbers: always the same for a seed and a name, independent of all others."""
        return random.Random(f"{self.seed}/{name}")

    def start_process(self, name: str, host: str, main: Callable[[], Coroutine[Any, Any, object]]) -> SimulatedProcess:
        """Start a process; it ends when ``main()`` has ended.

        :raises ValueError: there is or was a process of this name.
        """
        if name in self.processes:
            raise ValueError(
                f"there is or was a process {name!r} already; a process that starts again needs a new name"
            )
        self._next_pid += 1
        process = SimulatedProcess(self, name, host, self._next_pid, main)
        self.processes[name] = process
        self.timeline.record("process", f"starts on {host}", name)
        process.begin()
        return process

    def at(self, delay: float, action: Callable[[], object]) -> Cancel:
        """Run ``action`` outside all processes, after ``delay`` virtual seconds. What it raises ends the run."""
        entry = _Action(action)
        self._push(self._elapsed_ns + max(0, int(delay * 1e9)), None, entry)

        def cancel() -> None:
            if entry.run is not None:
                entry.run = None
                self.timer_cancelled()

        return cancel

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the simulation is closed, before the processes are disposed of."""
        self._on_close.append(callback)

    # ---------------------------------------------------------------- running

    def run_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Run until ``condition()`` holds.

        :param timeout: virtual seconds.
        :param what: what is waited for, in words.
        :raises SimulationTimeoutError: it did not happen in time, or nothing is left that could let it happen.
        """
        deadline = self._elapsed_ns + int(timeout * 1e9)
        if condition():
            return
        while self._step(deadline):
            if condition():
                return
        idle = not self._agenda and not self._runnable
        raise SimulationTimeoutError(
            f"seed {self.seed}: {what}: "
            + ("nothing is left that could happen" if idle else f"not within {timeout:g} s")
            + f", at {self.elapsed:.3f} s\n{self.describe()}"
        )

    def run_for(self, seconds: float) -> None:
        """Run so many virtual seconds."""
        deadline = self._elapsed_ns + int(seconds * 1e9)
        while self._step(deadline):
            pass
        self._elapsed_ns = max(self._elapsed_ns, deadline)

    def fingerprint(self) -> str:
        """Return what tells this run from others, the order of all that ran included: equal for equal runs."""
        return f"{self.timeline.digest()}/{self._elapsed_ns}/{hash(self._random.getstate()[1])}"

    def describe(self) -> str:
        """Return the state of all processes and what happened last."""
        lines = [f"  {process!r}" for process in self.processes.values()]
        lines += [f"  error: {error}" for error in self.errors]
        lines += [
            f"  {event.at:.6f} {event.process} {event.kind}: {event.text}" for event in self.timeline.events[-30:]
        ]
        return "\n".join(lines)

    def _step(self, deadline_ns: int) -> bool:
        """Do the next thing. False: there is none before the deadline."""
        agenda = self._agenda
        runnable = self._runnable
        while agenda and agenda[0][0] <= self._elapsed_ns:
            _, _, loop, entry = heapq.heappop(agenda)
            if loop is not None:
                if entry._cancelled:
                    self._cancelled -= 1
                else:
                    entry._scheduled = False
                    loop.enqueue(entry)
            else:
                run = entry.run
                if run is None:
                    self._cancelled -= 1
                else:
                    entry.run = None
                    run()
        if runnable:
            if self._elapsed_ns > deadline_ns:
                return False
            self._run_some()
            return True
        if not agenda or agenda[0][0] > deadline_ns:
            return False
        self._elapsed_ns = max(self._elapsed_ns, agenda[0][0])
        return True

    def _run_some(self) -> None:
        """Run a few callbacks of one process."""
        chance = self._random.random
        runnable = self._runnable
        index = int(chance() * len(runnable)) if len(runnable) > 1 else 0
        loop = runnable[index]
        process = loop.process
        if not process.paused and process.outcome is None:
            draw = chance()
            batch = 1 + int(draw * _LONGEST_BATCH)
            cost = _CHEAPEST_CALLBACK_NS + int(draw * 997 % 1 * _CALLBACK_SPREAD_NS)
            self._running = process
            events._set_running_loop(loop)
            run_next, ready = loop.run_next, loop.ready
            try:
                while batch and ready:
                    try:
                        run_next()
                    except SystemExit as error:
                        process.exit(error)
                    self._elapsed_ns += cost
                    batch -= 1
            finally:
                events._set_running_loop(None)
                self._running = None
            if ready and process.outcome is None and not process.paused:
                return
        loop.listed = False
        # The last one takes its place; it may be the same, and others may have come meanwhile.
        last = runnable.pop()
        if last is not loop:
            runnable[index] = last

    # ---------------------------------------------------------------- for the loops

    def make_runnable(self, loop: ProcessLoop) -> None:
        """A loop has something to run."""
        if not loop.listed and not loop.process.paused:
            loop.listed = True
            self._runnable.append(loop)

    def schedule_timer(self, elapsed_ns: int, loop: ProcessLoop, handle: asyncio.TimerHandle) -> None:
        """Run a timer's handle on its loop when it is due."""
        handle._scheduled = True  # type: ignore[attr-defined]  # what makes its cancel() tell the loop
        self._push(elapsed_ns - _MONOTONIC_START_NS, loop, handle)

    def timer_cancelled(self) -> None:
        """One entry of the agenda is for nothing; when most are, they are thrown out."""
        self._cancelled += 1
        if self._cancelled > 200 and self._cancelled * 2 > len(self._agenda):
            kept = [entry for entry in self._agenda if not _is_cancelled(entry)]
            heapq.heapify(kept)
            self._agenda[:] = kept
            self._cancelled = 0

    def _push(self, at_ns: int, loop: ProcessLoop | None, entry: object) -> None:
        self._scheduled += 1
        heapq.heappush(self._agenda, (at_ns, self._scheduled, loop, entry))

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """End all processes and let go of everything. May be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            for process in self.processes.values():
                process.kill("the simulation is over")
            for callback in reversed(self._on_close):
                callback()
            for process in self.processes.values():
                process.loop.dispose()
            self._agenda.clear()
            self._runnable.clear()
        finally:
            self._resources.close()
            Simulation._current = None


def _is_cancelled(entry: tuple[int, int, ProcessLoop | None, Any]) -> bool:
    _, _, loop, what = entry
    return bool(what._cancelled) if loop is not None else what.run is None
