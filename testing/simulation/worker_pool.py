"""Slot workers as simulated processes.

A worker is the real :class:`~millstream.taskmanager.worker.worker_session.WorkerSession` around the real slot worker,
in a process of its own on the TaskManager's host. Commands and events go through a pipe that keeps their order. As
real workers do, it ends soon after its TaskManager has, however that came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from millstream.common.clock import Clock
from millstream.common.wire.worker_pb2 import WorkerCommand, WorkerEvent
from millstream.taskmanager.network.environment import NetworkEnvironment
from millstream.taskmanager.slot_worker import SlotWorker
from millstream.taskmanager.surroundings import Surroundings
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.worker.exit_status import with_cause
from millstream.taskmanager.worker.standstill_watch import StandstillWatch
from millstream.taskmanager.worker.worker_factory import SlotWorkerLike
from millstream.taskmanager.worker.worker_session import WorkerSession
from millstream.testing.simulation.simulated_process import SimulatedProcess

__all__ = ["OnNetwork", "SimulatedWorker", "SimulatedWorkerPool"]

OnNetwork: TypeAlias = Callable[[SimulatedProcess, NetworkEnvironment], object]
"""Is told the data plane of each worker, for whoever looks at its accounts."""

_LAUNCH_S: Final = (0.2, 0.6)
_FORK_S: Final = (0.005, 0.05)
_PIPE_S: Final = (0.00002, 0.0002)
_ORPHANED_FOR_S: Final = (0.0, 0.02)
_STOP_GRACE_S: Final = 2.0
_KILLED: Final = "killed by signal 9 (SIGKILL)"


class SimulatedWorkerPool:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerPool` of one TaskManager's simulated process.

    :param standstill_s: so many virtual seconds a worker may stand still.
    """

    def __init__(
        self, process: SimulatedProcess, standstill_s: float = 50.0, on_network: OnNetwork = lambda *_: None
    ) -> None:
        self._on_network = on_network
        self._process = process
        self._standstill_s = standstill_s
        self._random = process.source("workers")
        self._launched = False
        self._closed = False
        self._taken = 0
        self.workers: list[SimulatedWorker] = []
        """All that were ever started and are not known to have ended."""
        process.on_end(self._owner_ended)

    async def start(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        if self._closed:
            raise OSError("the worker pool is closed")
        if not self._launched:
            await asyncio.sleep(self._random.uniform(*_LAUNCH_S))
            self._launched = True

    async def take(self) -> SimulatedWorker:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`."""
        await self.start()
        await asyncio.sleep(self._random.uniform(*_FORK_S))
        if self._closed:
            raise OSError("the worker pool is closed")
        self._taken += 1
        self.workers = [worker for worker in self.workers if not worker.gone]
        worker = SimulatedWorker(
            self._process, f"{self._process.name}-worker-{self._taken}", self._standstill_s, self._on_network
        )
        self.workers.append(worker)
        return worker

    async def close(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        self._closed = True
        await asyncio.gather(*(worker.stop(_STOP_GRACE_S) for worker in self.workers))

    def _owner_ended(self, how: str) -> None:
        for worker in self.workers:
            if worker.process.alive:
                after = self._random.uniform(*_ORPHANED_FOR_S)
                self._process.simulation.at(after, partial(worker.process.kill, f"its TaskManager is gone ({how})"))


class SimulatedWorker:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerHandle` of one worker, started at once."""

    def __init__(self, owner: SimulatedProcess, name: str, standstill_s: float, on_network: OnNetwork) -> None:
        self._owner = owner
        self._on_network = on_network
        self._standstill = StandstillWatch(standstill_s, self._stands_still)
        self._complaint: str | None = None
        self._on_event: Callable[[WorkerEvent], None] | None = None
        self._on_exit: Callable[[str], None] | None = None
        self._early_events: list[WorkerEvent] = []
        self._ended: str | None = None
        self._gone = asyncio.Event()
        self._session: WorkerSession | None = None
        self._early_commands: list[bytes] = []
        self._stop_wanted = False
        self._there = _Pipe(owner, f"{name}/commands")
        self._back = _Pipe(owner, f"{name}/events")
        self.process = owner.simulation.start_process(name, owner.host, self._main)
        self.process.on_end(self._process_ended)
        # As the launcher of worker processes reports it.
        self.process.on_pause(partial(self._back.put, owner, self._standstill.stopped))
        self.process.on_resume(partial(self._back.put, owner, self._standstill.goes_on))

    def __repr__(self) -> str:
        return f"<SimulatedWorker {self.process!r}>"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def description(self) -> str:
        return f"worker process {self.process.pid}"

    @property
    def gone(self) -> bool:
        """It is known to have ended."""
        return self._ended is not None

    def attach(self, on_event: Callable[[WorkerEvent], None], on_exit: Callable[[str], None]) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        self._on_event, self._on_exit = on_event, on_exit
        events, self._early_events = self._early_events, []
        for event in events:
            self._owner.loop.call_soon(on_event, event)
        if self._ended is not None:
            self._owner.loop.call_soon(on_exit, self._ended)

    def send(self, command: WorkerCommand) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self._ended is None:
            self._there.put(self.process, partial(self._command_comes, command.SerializeToString()))

    async def stop(self, grace_seconds: float) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self._ended is not None:
            return
        self._there.put(self.process, self._stop_comes)
        try:
            await asyncio.wait_for(self._gone.wait(), grace_seconds)
        except asyncio.TimeoutError:
            self.kill()
            await self._gone.wait()

    def interrupt(self) -> None:
        """Nothing: user code that blocks holds up the whole simulation, so it never runs when this is called."""

    def kill(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        self._there.put(None, partial(self.process.kill, "by its TaskManager"))

    # ---------------------------------------------------------------- in the worker's process

    async def _main(self) -> int:
        session = WorkerSession(self._make_slot_worker, self._emit, self.process.clock)
        self._session = session
        for message in self._early_commands:
            session.submit(WorkerCommand.FromString(message))
        if self._stop_wanted:
            session.request_stop()
        return await session.run()

    def _make_slot_worker(self, emit: Callable[[WorkerEvent], None], clock: Clock) -> SlotWorkerLike:
        surroundings = Surroundings(
            own_process=False,  # it must not fork, nor tune the collector of the process that all of this runs in
            inline=True,  # as in real workers
            section=UserCodeSection(),
            source=self.process.source("data plane"),
        )
        return SlotWorker(emit, clock, data_plane=self._make_network, surroundings=surroundings)

    def _make_network(self, **arguments: Any) -> NetworkEnvironment:
        network = NetworkEnvironment(**arguments)
        self._on_network(self.process, network)
        return network

    def _command_comes(self, message: bytes) -> None:
        if self._session is None:
            self._early_commands.append(message)
        else:
            self._session.submit(WorkerCommand.FromString(message))

    def _stop_comes(self) -> None:
        self._stop_wanted = True
        if self._session is not None:
            self._session.request_stop()

    def _emit(self, event: WorkerEvent) -> None:
        self._back.put(self._owner, partial(self._event_comes, event.SerializeToString()))

    def _process_ended(self, how: str) -> None:
        if not self.process.was_killed and isinstance(self.process.result, int):
            how = f"exit status {self.process.result}"
        else:
            how = _KILLED if self.process.was_killed else "exit status 1"
        self._back.put(self._owner, partial(self._end_comes, how))

    # ---------------------------------------------------------------- in the TaskManager's process

    def _event_comes(self, message: bytes) -> None:
        event = WorkerEvent.FromString(message)
        if self._on_event is None:
            self._early_events.append(event)
        else:
            self._on_event(event)

    def _stands_still(self, complaint: str) -> None:
        self._complaint = complaint
        self.kill()

    def _end_comes(self, how: str) -> None:
        self._standstill.goes_on()
        if self._complaint is not None:
            how = with_cause(how, self._complaint)
        self._ended = how
        self._gone.set()
        if self._on_exit is not None:
            self._on_exit(how)


class _Pipe:
    """Keeps the order of what goes through it."""

    def __init__(self, owner: SimulatedProcess, name: str) -> None:
        self._simulation = owner.simulation
        self._random = owner.simulation.source(f"{owner.name}/{name}")
        self._last_arrival = 0.0

    def put(self, target: SimulatedProcess | None, action: Callable[[], object]) -> None:
        """Let ``action`` happen in ``target`` (or outside all processes) a little later."""
        elapsed = self._simulation.elapsed
        self._last_arrival = max(self._last_arrival, elapsed + self._random.uniform(*_PIPE_S))
        arrive = action if target is None else partial(target.loop.call_soon, action)
        self._simulation.at(self._last_arrival - elapsed, arrive)
