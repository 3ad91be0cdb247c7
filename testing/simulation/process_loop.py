"""The event loop of one simulated process.

It keeps what is ready and hands timers to the simulation, which alone decides when anything runs. Tasks and futures
are asyncio's own; they differ only in being hashed by their order of creation, so that a set of them is iterated in
the same order in every run.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from millstream.testing.simulation.executors import SimulatedExecutors
from millstream.testing.simulation.server import SimulatedServer, open_connection, open_server
from millstream.testing.simulation.transport import SimulatedSocket

if TYPE_CHECKING:
    from millstream.testing.simulation.simulated_process import SimulatedProcess
    from millstream.testing.simulation.simulation import Simulation

__all__ = ["ProcessLoop"]

T = TypeVar("T")

_TASKS_HAVE_CONTEXTS = sys.version_info >= (3, 11)


class _OrderedTask(asyncio.Task[T]):
    """A task that hashes alike in every run."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], sequence: int, **options: Any) -> None:
        self.sequence = sequence
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class _OrderedFuture(asyncio.Future[T]):
    """A future that hashes alike in every run."""

    sequence: int
    """Set by who makes it: an ``__init__`` in Python would cost more than all else of a future."""

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class ProcessLoop(asyncio.AbstractEventLoop):
    """What ``asyncio.get_running_loop()`` returns within a simulated process."""

    def __init__(self, simulation: Simulation, process: SimulatedProcess) -> None:
        self._simulation = simulation
        self.process = process
        self._created = 0
        self.executors = SimulatedExecutors(simulation, process)
        self._dead = False
        self.ready: deque[asyncio.Handle] = deque()
        """What may run now, in order; only the simulation takes from it."""
        self.listed = False
        """It is among those that the simulation may run next."""
        self._graveyard: list[object] = []
        """What a dead process would still have run; kept, so that nothing of it is ever finalised midway."""

    def __repr__(self) -> str:
        return f"<ProcessLoop of {self.process.name}>"

    # ---------------------------------------------------------------- callbacks and timers

    def time(self) -> float:
        return self._simulation.monotonic_ns / 1e9

    def call_soon(  # type: ignore[override]  # typeshed wants TypeVarTuple, which Python 3.10 lacks
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        # As enqueue(): half of all that happens passes here.
        if self._dead or not self.listed:
            self.enqueue(handle)
        else:
            self.ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]  # as call_soon
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]  # as call_soon
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # as call_soon
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self._dead:
            self._simulation.schedule_timer(int(when * 1e9) + 1, self, handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """TimerHandle.cancel() calls this."""
        self._simulation.timer_cancelled()

    def enqueue(self, handle: asyncio.Handle) -> None:
        """Let a handle run as soon as it is this process's turn; never, if the process is dead."""
        if self._dead:
            # Whoever waits for it must not be finalised before the simulation is closed.
            self._graveyard.append(handle)
            return
        self.ready.append(handle)
        if not self.listed:
            self._simulation.make_runnable(self)

    # ---------------------------------------------------------------- tasks and futures

    def create_future(self) -> asyncio.Future[Any]:
        self._created += 1
        future: _OrderedFuture[Any] = _OrderedFuture(loop=self)
        future.sequence = self._created
        return future

    def create_task(self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        self._created += 1
        if not _TASKS_HAVE_CONTEXTS:
            options.pop("context", None)
        task: asyncio.Task[T] = _OrderedTask(coro, self._created, loop=self, **options)  # type: ignore[arg-type]  # as above
        if self._dead:
            self._graveyard.append(task)
        return task

    def pending_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are not done, in the order of their creation."""
        return sorted(asyncio.all_tasks(self), key=hash)

    # ---------------------------------------------------------------- network

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002  # as asyncio has it
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Hosts have one address each: their name."""
        name = self._simulation.network.resolve(self.process, host)
        return [(socket.AF_INET, type or socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (name, int(port or 0)))]

    async def create_connection(  # type: ignore[override]  # what else it takes is not supported
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        return await open_connection(self._simulation.network, self.process, protocol_factory, host, port)

    async def create_server(  # type: ignore[override]  # as above; one that listens is all that is needed of it
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None,
        port: int,
        *,
        family: int = 0,
        backlog: int = 100,
    ) -> SimulatedServer:
        return open_server(self._simulation.network, self.process, protocol_factory, host, port)

    def remove_reader(self, fd: Any) -> bool:
        """Whoever closes a server tells it to accept no more first: ours accepts within one turn."""
        return isinstance(fd, SimulatedSocket)

    # ---------------------------------------------------------------- executors

    def run_in_executor(  # type: ignore[override]  # as call_soon
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        return asyncio.wrap_future(self.executors.submit(executor, partial(func, *args)), loop=self)

    async def shutdown_asyncgens(self) -> None:
        """They end with the process."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """It has no threads."""

    # ---------------------------------------------------------------- state

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self._dead

    def get_debug(self) -> bool:
        return False

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Take what asyncio has nobody else to tell."""
        if not self.process.was_killed:
            self.process.report_error(str(context.get("message", "unhandled")), context.get("exception"))

    # ---------------------------------------------------------------- for the simulation

    def run_next(self) -> None:
        """Run the first of what is ready. The running loop is set by the caller."""
        handle = self.ready.popleft()
        if not handle.cancelled():
            handle._run()

    @property
    def has_ready(self) -> bool:
        return bool(self.ready)

    def die(self) -> None:
        """Never run anything again, and keep what there was."""
        if not self._dead:
            self._graveyard.extend(self.pending_tasks())
            self._graveyard.extend(self.ready)
            self.ready.clear()
            self._dead = True

    def dispose(self) -> None:
        """Let go of what the dead process held. Its ``finally`` blocks run now, where they do no harm."""
        events._set_running_loop(self)
        try:
            while self._graveyard:  # a finally block may begin something new
                buried = self._graveyard.pop(0)
                if isinstance(buried, asyncio.Task):
                    buried._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be dropped
                    _close(buried.get_coro())
        finally:
            events._set_running_loop(None)


def _close(coroutine: Any) -> None:
    """End a coroutine that will never go on, however often it insists on awaiting something.

    What it awaits comes first: a coroutine that awaits in a ``finally`` would leave it behind, half closed.
    """
    chain: list[Any] = []
    while coroutine is not None and hasattr(coroutine, "close"):
        chain.append(coroutine)
        coroutine = getattr(coroutine, "cr_await", None)
    for each in reversed(chain):
        for _ in range(100):
            try:
                each.close()
            except BaseException:  # noqa: BLE001  # the process is dead: nobody is left to hear of it
                continue
            break
