"""Terms of leadership on a model of ZooKeeper, and faults at any step of what a leader does in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ParamSpec, TypeVar

from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper.client import (
    CheckNode,
    NodeMissingError,
    NodeStat,
    Operation,
    SessionState,
    ZooKeeperClient,
    ZooKeeperConnectionError,
)
from millstream.testing.faulty_file_system import HostKilledError
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient

__all__ = ["DisturbedClient", "Fault", "InlineExecutor", "Term", "begin_term"]

P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """Does the work at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # as executors do
            future.set_exception(error)
        return future


class Fault(Enum):
    """What happens at a step."""

    KILL_BEFORE = "the process dies before the call has an effect"
    KILL_AFTER = "the process dies when the call had its effect"
    BREAK_BEFORE = "the connection breaks before the call has an effect, and is there again"
    BREAK_AFTER = "the connection breaks when the call had its effect, and is there again"
    EXPIRE_BEFORE = "the session expires before the call has an effect"
    EXPIRE_AFTER = "the session expires when the call had its effect, its answer is lost"


@dataclass(slots=True)
class DisturbedClient:
    """Implements ZooKeeperClient's part that stores use, with a fault at one of the calls.

    :ivar at: the number of the call, from 0; ``None``: at none.
    :ivar calls: how many there were.
    """

    inner: SimulatedZooKeeperClient
    zookeeper: SimulatedZooKeeper
    at: int | None = None
    fault: Fault = Fault.KILL_BEFORE
    calls: int = 0
    is_dead: bool = False
    shown: SessionState = SessionState.CONNECTED
    _listeners: list[Callable[[SessionState], None]] = field(default_factory=list)

    @property
    def description(self) -> str:
        return self.inner.description

    @property
    def state(self) -> SessionState:
        return self.shown

    def listen(self, listener: Callable[[SessionState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def get(self, path: str) -> tuple[bytes, NodeStat]:
        return await self._call(lambda: self.inner.get(path))

    async def children(self, path: str) -> list[str]:
        return await self._call(lambda: self.inner.children(path))

    async def sync(self) -> None:
        await self._call(self.inner.sync)

    async def commit(self, operations: Sequence[Operation]) -> None:
        await self._call(lambda: self.inner.commit(operations))

    def reached(self) -> None:
        """A step that is no call: the process may die there."""
        if self._is_the_one() and self.fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER):
            self.kill()

    def kill(self) -> None:
        self.is_dead = True
        raise HostKilledError

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a store must not use {name} of the client")

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self._is_the_one():
            if self.shown is SessionState.LOST:
                raise ZooKeeperConnectionError("the session has expired")
            return await call()
        if self.fault is Fault.KILL_BEFORE:
            self.kill()
        if self.fault in (Fault.KILL_AFTER, Fault.BREAK_AFTER, Fault.EXPIRE_AFTER):
            await call()
        if self.fault is Fault.KILL_AFTER:
            self.kill()
        if self.fault in (Fault.BREAK_BEFORE, Fault.BREAK_AFTER):
            self._change(SessionState.SUSPENDED)
            asyncio.get_running_loop().call_soon(self._change, SessionState.CONNECTED)
        else:
            self.zookeeper.expire(self.inner)
            self._change(SessionState.LOST)
        raise ZooKeeperConnectionError("the connection broke")

    def _is_the_one(self) -> bool:
        if self.is_dead:
            raise HostKilledError
        self.calls += 1
        return self.at is not None and self.calls == self.at + 1

    def _change(self, state: SessionState) -> None:
        self.shown = state
        for listener in list(self._listeners):
            listener(state)


@dataclass(slots=True)
class Term:
    """Implements Fence: holds while the node is there, and as far as is known while the session is not lost."""

    client: ZooKeeperClient
    node: str
    is_over: bool = False

    @property
    def is_valid(self) -> bool:
        return not self.is_over and self.client.state is not SessionState.LOST

    async def commit(self, operations: Sequence[Operation]) -> None:
        try:
            await self.client.commit([CheckNode(self.node), *operations])
        except NodeMissingError as error:
            try:
                await self.client.get(self.node)
            except NodeMissingError:
                raise LeadershipLostError(f"{self.node} is gone") from error
            raise


async def begin_term(
    zookeeper: SimulatedZooKeeper, *, at: int | None = None, fault: Fault = Fault.KILL_BEFORE
) -> tuple[DisturbedClient, Term]:
    """Begin the next term: that of the one before must have ended."""
    inner = zookeeper.client("/flink/test")
    await inner.start()
    node = await inner.create("/leader/latch/n-", ephemeral=True, sequential=True)
    client = DisturbedClient(inner, zookeeper, at, fault)
    return client, Term(client, node)
