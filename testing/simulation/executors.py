"""Work that a process gives to threads, without threads.

Each executor has as many workers as it has threads in reality. A worker that takes a piece of work carries it out in
one instant, and has its result a little later: before, other things happen. A single worker keeps the order.
"""

from __future__ import annotations

from asyncio import events
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from millstream.testing.simulation.simulated_process import SimulatedProcess
    from millstream.testing.simulation.simulation import Simulation

__all__ = ["SimulatedExecutors", "WorkFuture"]

T = TypeVar("T")

_DEFAULT_WORKERS: Final = 8
_LONGEST_HANDOVER_S: Final = 0.001


class WorkFuture(Future[T]):
    """The outcome of a piece of work. Who blocks on it has it carried out at once: time stands still meanwhile."""

    def __init__(self, carry_out: Callable[[], None]) -> None:
        super().__init__()
        self._carry_out = carry_out

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            self._carry_out()
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if not self.done():
            self._carry_out()
        return super().exception(0)


class _Work:
    """One piece of work of one executor."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._begun = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.future: WorkFuture[Any] = WorkFuture(self.finish)

    def run(self) -> bool:
        """Do it, unless it was done or cancelled before. False: it was cancelled."""
        if self._begun:
            return True
        if not self.future.set_running_or_notify_cancel():
            return False
        self._begun = True
        # No event loop runs in a thread of a pool.
        loop = events._get_running_loop()
        events._set_running_loop(None)
        try:
            self.value = self._function()
        except BaseException as error:  # noqa: BLE001  # it is the caller's, as of any future
            self.error = error
        finally:
            events._set_running_loop(loop)
        return True

    def deliver(self) -> None:
        """Tell who waits."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)

    def finish(self) -> None:
        """Somebody blocks: now."""
        if self.run():
            self.deliver()


class SimulatedExecutors:
    """All executors of one process."""

    def __init__(self, simulation: Simulation, process: SimulatedProcess) -> None:
        self._simulation = simulation
        self._process = process
        self._queues: dict[Executor | None, _Queue] = {}
        self._longer_s = 0.0

    def lengthen(self, seconds: float) -> None:
        """What is carried out in a thread right now takes so much longer: it waits for a disk, say."""
        self._longer_s += seconds

    def taken_longer(self) -> float:
        """Return by how much the work that was just carried out was lengthened, once."""
        seconds, self._longer_s = self._longer_s, 0.0
        return seconds

    def submit(self, executor: Executor | None, function: Callable[[], T]) -> Future[T]:
        """Have ``function`` run as the executor would.

        :param executor: only says whose workers do it, and how many there are; ``None``: the loop's own.
        """
        queue = self._queues.get(executor)
        if queue is None:
            workers = getattr(executor, "_max_workers", _DEFAULT_WORKERS)
            queue = self._queues[executor] = _Queue(self, self._simulation, self._process, workers)
        return queue.submit(function)


class _Queue:
    def __init__(
        self, executors: SimulatedExecutors, simulation: Simulation, process: SimulatedProcess, workers: int
    ) -> None:
        self._executors = executors
        self._process = process
        self._idle = workers
        self._waiting: deque[_Work] = deque()
        self._random = simulation.source(f"{process.name}/executors")

    def submit(self, function: Callable[[], Any]) -> Future[Any]:
        work = _Work(function)
        self._waiting.append(work)
        self._begin()
        return work.future

    def _begin(self) -> None:
        while self._idle and self._waiting:
            self._idle -= 1
            self._later(self._run, self._waiting.popleft())

    def _later(self, step: Callable[[_Work], None], work: _Work, longer_s: float = 0.0) -> None:
        self._process.loop.call_later(longer_s + _LONGEST_HANDOVER_S * self._random.random(), step, work)

    def _run(self, work: _Work) -> None:
        if work.run():
            self._later(self._deliver, work, self._executors.taken_longer())
        else:
            self._idle += 1
            self._begin()

    def _deliver(self, work: _Work) -> None:
        work.deliver()
        self._idle += 1
        self._begin()
