"""One process of a simulation: an event loop, a clock, a host and a life that may end at any moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millstream.testing.simulation.process_loop import ProcessLoop

if TYPE_CHECKING:
    from millstream.testing.simulation.simulation import Simulation

__all__ = ["ProcessError", "ProcessKilled", "SimulatedProcess", "SkewedClock"]


class ProcessKilled(BaseException):
    """Leaves the code of a process that was killed in the midst of it (at a fault point).

    Whoever kills the process that is running raises this afterwards. Nothing that the code does on its way out has
    any effect outside the dead process.
    """


@dataclass(frozen=True, slots=True)
class ProcessError:
    """Something in a process that nobody handled: a callback or task that raised, a resource that was left behind."""

    process: str
    at_ns: int
    message: str
    error: BaseException | None

    def __str__(self) -> str:
        cause = f": {type(self.error).__name__}: {self.error}" if self.error is not None else ""
        return f"{self.process} at {self.at_ns / 1e9:.6f} s: {self.message}{cause}"


class SkewedClock:
    """The wall clock of one process: true time plus what it is wrong by."""

    __slots__ = ("_simulation", "skew_ms")

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.skew_ms = 0

    def now_ms(self) -> int:
        return self._simulation.now_ms + self.skew_ms


class SimulatedProcess:
    """Made by :meth:`~millstream.testing.simulation.simulation.Simulation.start_process`.

    :ivar name: unique among the processes of the simulation, living and dead.
    :ivar host: the machine that it is on.
    :ivar pid: what ``os.getpid()`` tells within it.
    :ivar result: what its main coroutine returned.
    :ivar was_killed: it ended by :meth:`kill`.
    :ivar outcome: how it ended, in words; ``None`` while it lives.
    """

    def __init__(
        self, simulation: Simulation, name: str, host: str, pid: int, main: Callable[[], Coroutine[Any, Any, object]]
    ) -> None:
        self.name = name
        self.host = host
        self.pid = pid
        self.clock = SkewedClock(simulation)
        self.loop = ProcessLoop(simulation, self)  # type: ignore[abstract]  # what it lacks is not supported
        self.result: object = None
        self.outcome: str | None = None
        self.paused = False
        self.was_killed = False
        self._simulation = simulation
        self._main = main
        self._main_task: asyncio.Task[None] | None = None
        self._on_end: list[Callable[[str], None]] = []
        self._on_pause: list[Callable[[], None]] = []
        self._on_resume: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<SimulatedProcess {self.name} on {self.host}: {self.state}>"

    @property
    def simulation(self) -> Simulation:
        return self._simulation

    @property
    def alive(self) -> bool:
        return self.outcome is None

    @property
    def state(self) -> str:
        """In words: running, paused, or how it ended."""
        return self.outcome or ("paused" if self.paused else "running")

    def source(self, name: str) -> random.Random:
        """Return a stream of random numbers of this process; another for each call of another name."""
        return self._simulation.source(f"{self.name}/{name}")

    def on_end(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback`` (outside all processes, with the outcome) when the process ends in whatever way.

        Returns what ends that.
        """
        self._on_end.append(callback)

        def stop() -> None:
            if callback in self._on_end:
                self._on_end.remove(callback)

        return stop

    def on_pause(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` each time that the process is paused."""
        self._on_pause.append(callback)

    def on_resume(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` each time that the process goes on after a pause."""
        self._on_resume.append(callback)

    # ---------------------------------------------------------------- faults

    def kill(self, why: str) -> None:
        """End it here and now: nothing of it runs again, not even a ``finally``. Dead processes are left alone."""
        if self.alive:
            self.was_killed = True
            self._end(f"killed: {why}")

    def pause(self) -> None:
        """Let nothing of it run until :meth:`resume`; the world goes on around it."""
        if self.alive and not self.paused:
            self.paused = True
            self._simulation.timeline.record("process", "is paused", self.name)
            for callback in list(self._on_pause):
                callback()

    def resume(self) -> None:
        """Let it go on; all that came meanwhile is waiting for it."""
        if self.alive and self.paused:
            self.paused = False
            self._simulation.timeline.record("process", "goes on", self.name)
            if self.loop.has_ready:
                self._simulation.make_runnable(self.loop)
            for callback in list(self._on_resume):
                callback()

    def skew(self, milliseconds: int) -> None:
        """Set its wall clock wrong by so much from now on; the loop's own time is not touched."""
        self.clock.skew_ms = milliseconds
        self._simulation.timeline.record("process", f"has its clock wrong by {milliseconds} ms", self.name)

    def report_error(self, message: str, error: BaseException | None) -> None:
        """Record what nobody in the process handled; of one that was killed nobody expects it."""
        # Asyncio may tell late, when a task is collected: the process may have ended meanwhile.
        if not self.was_killed:
            found = ProcessError(self.name, self._simulation.elapsed_ns, message, error)
            self._simulation.errors.append(found)

    # ---------------------------------------------------------------- life

    def begin(self) -> None:
        """Start the main coroutine; the simulation calls this."""
        self.loop.call_soon(self._start)

    def _start(self) -> None:
        # Kept, as asyncio.run() would: loops know their tasks weakly.
        self._main_task = self.loop.create_task(self._live(), name=self.name)
        self._main_task.add_done_callback(self._main_ended)

    def exit(self, error: SystemExit) -> None:
        """Its code has called ``sys.exit()``: all tasks are cancelled, and it ends."""
        code = error.code
        self.result = code if isinstance(code, int) else 0 if code is None else 1
        for task in self.loop.pending_tasks():
            task.cancel()

    async def _live(self) -> None:
        me = asyncio.current_task()
        try:
            self.result = await self._main()
        finally:
            # As asyncio.run() does, but never after a kill: then nothing gets here.
            rest = [task for task in self.loop.pending_tasks() if task is not me]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    def _main_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._end(
                "ended: its main coroutine was cancelled" if self.result is None else f"ended: exit({self.result})"
            )
            return
        error = task.exception()
        if error is not None:
            self.report_error("the main coroutine raised", error)
            self._end(f"failed: {type(error).__name__}: {error}")
        else:
            self._end("ended")

    def _end(self, outcome: str) -> None:
        if not self.alive:
            return
        self._simulation.timeline.record("process", outcome, self.name)
        self.outcome = outcome
        self.loop.die()
        callbacks, self._on_end = self._on_end, []
        for callback in callbacks:
            callback(outcome)
