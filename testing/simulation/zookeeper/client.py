"""A client of the model, that behaves as Millstream's client of a real ensemble does.

What it shares with it: it pings when a third of the session's timeout has passed, and gives a connection up that is
silent for another third; it looks for a server by itself; it learns that its session has expired only from a server;
what is under way when a connection breaks fails, done or not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from millstream.common.high_availability.zookeeper.client import (
    ANY_VERSION,
    CreateNode,
    DeleteNode,
    NodeExistsError,
    NodeMissingError,
    NodeStat,
    Operation,
    SessionState,
    SetNode,
    ZooKeeperConnectionError,
    ZooKeeperError,
)
from millstream.testing.simulation.zookeeper.connection import Connection
from millstream.testing.simulation.zookeeper.messages import (
    Attach,
    Attached,
    Commit,
    Done,
    EndSession,
    GetChildren,
    GetNode,
    Ping,
    Pong,
    Refused,
    Reply,
    Request,
    Sync,
    Touched,
    Watch,
)
from millstream.testing.simulation.zookeeper.scheduler import Scheduler
from millstream.testing.simulation.zookeeper.server import Server
from millstream.testing.simulation.zookeeper.tree import CreateSequential, ancestors

__all__ = ["Ensemble", "SimulatedZooKeeperClient"]

_FIRST_PAUSE_S = 0.1
_LARGEST_REQUEST = 0xFFFFF
"""Bytes; a server hangs up on who sends more, as ZooKeeper's do."""


class Ensemble(Protocol):
    """What a client needs of it."""

    @property
    def scheduler(self) -> Scheduler: ...

    @property
    def description(self) -> str: ...

    @property
    def hosts(self) -> list[str]: ...

    def server_at(self, number: int) -> Server: ...


@dataclass(slots=True)
class _Call:
    request: Request
    answer: asyncio.Future[Done | ZooKeeperError]
    """An error is a result: who asked may not wait for it any more."""
    breaks: bool = False


@dataclass(slots=True, eq=False)
class _Watcher:
    on_change: Callable[[], None]
    is_ended: bool = False

    def tell(self) -> None:
        if not self.is_ended:
            self.on_change()


class SimulatedZooKeeperClient:
    """Implements :class:`~millstream.common.high_availability.zookeeper.client.ZooKeeperClient`.

    :param root: where its paths begin; made at the start.
    :param host: where its process runs.
    :param session_timeout: seconds.
    :param connection_timeout: how long :meth:`start` waits for a server, and each call for its answer, in seconds.
    :param retry_wait: the longest pause between two tries to connect, and how long a read waits for a connection.
    :param max_retry_attempts: how often a read is repeated that failed because of the connection.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        root: str,
        *,
        host: str,
        session_timeout: float,
        connection_timeout: float,
        retry_wait: float,
        max_retry_attempts: int,
    ) -> None:
        self._ensemble = ensemble
        self._root = root.rstrip("/")
        self._host = host
        self._session_timeout = session_timeout
        self._connection_timeout = connection_timeout
        self._retry_wait = retry_wait
        self._max_retry_attempts = max_retry_attempts
        self._state = SessionState.SUSPENDED
        self._session_id = 0
        self._has_expired = False
        self._seen = 0
        self._listeners: list[Callable[[SessionState], None]] = []
        self._watchers: dict[str, list[_Watcher]] = {}
        self._connection: Connection | None = None
        self._calls: deque[_Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._ping_is_out = False
        self._first_server = ensemble.scheduler.random.randrange(len(ensemble.hosts))
        self._attempts = 0
        self._is_held_off = False
        self._is_closed = False
        self._breaks_before = 0
        self._breaks_after = 0
        self._connected = asyncio.Event()

    @property
    def description(self) -> str:
        return f"ZooKeeper at {self._ensemble.description} ({self._root or '/'})"

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def session_id(self) -> int:
        return self._session_id

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect()
        try:
            if not await self._wait_for_connection(self._connection_timeout):
                raise ZooKeeperConnectionError(
                    f"{self.description}: no server answered within {self._connection_timeout:g} s. Check "
                    "high-availability.zookeeper.quorum and that the servers run."
                )
            if self._root:
                await self._make_root()
        except BaseException:
            await self.close()
            raise

    def listen(self, listener: Callable[[SessionState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequential: bool = False, parents: bool = True
    ) -> str:
        full = self._full(path)
        change = CreateSequential(full, data, ephemeral) if sequential else CreateNode(full, data, ephemeral)
        try:
            made = (await self._write(Commit((change,)))).results[0]
        except NodeMissingError:
            if not parents:
                raise
            await self._make_parents(full)
            made = (await self._write(Commit((change,)))).results[0]
        assert isinstance(made, str)
        return made[len(self._root) :]

    async def get(self, path: str) -> tuple[bytes, NodeStat]:
        done = await self._read(GetNode(self._full(path)))
        assert done.stat is not None
        return done.data, done.stat

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> NodeStat:
        stat = (await self._write(Commit((SetNode(self._full(path), data, version),)))).results[0]
        assert isinstance(stat, NodeStat)
        return stat

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        await self._write(Commit((DeleteNode(self._full(path), version),)))

    async def children(self, path: str) -> list[str]:
        return list((await self._read(GetChildren(self._full(path)))).children)

    async def commit(self, operations: Sequence[Operation]) -> None:
        await self._write(Commit(tuple(self._below_root(operation) for operation in operations)))

    async def sync(self) -> None:
        await self._read(Sync())

    def watch(self, path: str, on_change: Callable[[], None]) -> Callable[[], None]:
        full = self._full(path)
        watcher = _Watcher(on_change)
        watchers = self._watchers.setdefault(full, [])
        watchers.append(watcher)
        if self._state is SessionState.CONNECTED:
            self._arm(full, [watcher])

        def end() -> None:
            watcher.is_ended = True
            if watcher in watchers:
                watchers.remove(watcher)
            if not watchers and self._watchers.get(full) is watchers:
                del self._watchers[full]

        return end

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._state is SessionState.CONNECTED and self._connection is not None:
            call = _Call(EndSession(), self._loop.create_future())
            self._calls.append(call)
            self._connection.request(call.request)
            await asyncio.wait([call.answer], timeout=self._connection_timeout)
        self._end()

    # --- for tests

    def hold_off(self) -> None:
        """Break the connection, and find none until :meth:`go_on`."""
        self._is_held_off = True
        self._lose()

    def go_on(self) -> None:
        """Find connections again, the first at once."""
        if self._is_held_off:
            self._is_held_off = False
            self._attempts = 0
            self._connect_after(0.0)

    def break_at_writes(self, before: int, after: int) -> None:
        """Break the connection at the next ``before`` writes, not sent, and at ``after`` more, carried out."""
        self._breaks_before = before
        self._breaks_after = after

    # --- requests

    def _full(self, path: str) -> str:
        if not path.startswith("/") or (path != "/" and path.endswith("/")) or "//" in path:
            raise ValueError(f"{path!r} is no path of a node: it begins with a slash and has names between slashes")
        return (self._root + path.rstrip("/")) or "/"

    def _below_root(self, operation: Operation) -> Operation:
        return replace(operation, path=self._full(operation.path))

    async def _make_root(self) -> None:
        """Repeated, as reads are: it does no harm."""
        attempt = 0
        while True:
            await self._wait_for_connection(self._retry_wait)
            try:
                return await self._make_parents(f"{self._root}/x")
            except ZooKeeperConnectionError:
                if attempt >= self._max_retry_attempts:
                    raise
            attempt += 1

    async def _make_parents(self, full: str) -> None:
        for path in ancestors(full):
            try:
                await self._write(Commit((CreateNode(path),)))
            except NodeExistsError:
                continue

    async def _write(self, commit: Commit) -> Done:
        if self._breaks_before:
            self._breaks_before -= 1
            self._lose()
            raise self._connection_error("the connection broke")
        if self._breaks_after:
            self._breaks_after -= 1
            return await self._ask(commit, breaks=True)
        if sum(len(getattr(change, "data", b"")) for change in commit.changes) > _LARGEST_REQUEST:
            self._lose()
            raise self._connection_error("the server hung up: the request is larger than a megabyte")
        return await self._ask(commit)

    async def _read(self, request: Request) -> Done:
        """Ask, and ask again if the connection was in the way."""
        attempt = 0
        while True:
            await self._wait_for_connection(self._retry_wait)
            try:
                return await self._ask(request)
            except ZooKeeperConnectionError:
                if attempt >= self._max_retry_attempts or self._is_closed:
                    raise
            if self._connected.is_set():
                await asyncio.sleep(min(_FIRST_PAUSE_S * 2**attempt, self._retry_wait))
            attempt += 1

    async def _wait_for_connection(self, timeout: float) -> bool:
        if not self._connected.is_set():
            try:
                await asyncio.wait_for(self._connected.wait(), timeout)
            except asyncio.TimeoutError:
                return False
        return True

    async def _ask(self, request: Request, *, breaks: bool = False) -> Done:
        """Ask once, if there is a connection."""
        if self._state is not SessionState.CONNECTED or self._connection is None or self._is_closed:
            raise self._connection_error("the client is closed" if self._is_closed else "there is no connection")
        call = _Call(request, self._loop.create_future(), breaks)
        self._calls.append(call)
        self._connection.request(request)
        await asyncio.wait([call.answer], timeout=self._connection_timeout)
        if not call.answer.done():
            raise self._connection_error(f"no answer within {self._connection_timeout:g} s")
        answer = call.answer.result()
        if isinstance(answer, ZooKeeperError):
            raise answer
        return answer

    def _arm(self, full: str, watchers: Sequence[_Watcher]) -> None:
        """Let the server watch a node, and tell the watchers when it does: what was before may be news to them."""
        call = _Call(Watch(full), self._loop.create_future())
        self._calls.append(call)
        assert self._connection is not None
        self._connection.request(call.request)

        def armed(answer: asyncio.Future[Done | ZooKeeperError]) -> None:
            # When the connection is there again it is armed again.
            if isinstance(answer.result(), Done):
                for watcher in watchers:
                    watcher.tell()

        call.answer.add_done_callback(armed)

    def _connection_error(self, reason: str) -> ZooKeeperConnectionError:
        return ZooKeeperConnectionError(f"{reason} ({self.description})")

    # --- the connection

    def _connect_after(self, delay: float) -> None:
        self._set_timer(delay, self._connect)

    def _connect(self) -> None:
        if self._is_held_off or self._is_closed or self._connection is not None:
            return
        server = self._ensemble.server_at(self._first_server + self._attempts)
        self._attempts += 1
        self._connection = Connection(self._ensemble.scheduler, self._host, server.host, server.receive, self._receive)
        session_id = 0 if self._has_expired else self._session_id
        self._connection.request(Attach(session_id, self._session_timeout, self._seen))
        self._set_timer(max(self._connection_timeout / len(self._ensemble.hosts), 1.0), self._lose)

    def _lose(self) -> None:
        """The connection is broken, or is given up; or none came about."""
        if self._connection is not None:
            self._connection.close_by_client()
            self._connection = None
        self._set_timer(0.0, None)
        self._fail_calls(self._connection_error("the connection broke"))
        if self._state is SessionState.CONNECTED:
            self._change(SessionState.SUSPENDED)
        round_, place = divmod(self._attempts, len(self._ensemble.hosts))
        self._connect_after(0.0 if place or not round_ else min(_FIRST_PAUSE_S * 2 ** (round_ - 1), self._retry_wait))

    def _end(self) -> None:
        """Let go of everything. The session ends when it is told so, or by and by."""
        self._is_closed = True
        if self._connection is not None:
            self._connection.close_by_client()
            self._connection = None
        self._set_timer(0.0, None)
        self._fail_calls(self._connection_error("the client is closed"))
        self._state = SessionState.LOST
        self._connected.set()  # whoever waits for a connection finds that there will be none

    def _receive(self, connection: Connection, reply: Reply | None) -> None:
        """A packet has come to the host; the process takes it when it runs."""
        if not self._loop.is_closed():
            self._loop.call_soon(self._take, connection, reply)

    def _take(self, connection: Connection, reply: Reply | None) -> None:
        if connection is not self._connection:
            return
        if reply is None:
            self._lose()
            return
        self._seen = max(self._seen, reply.seen)
        match reply.message:
            case Attached(session_id):
                self._attached(session_id)
            case Pong():
                self._ping_is_out = False
            case Touched(path):
                watchers = self._watchers.get(path)
                if watchers:
                    self._arm(path, watchers)
            case Done() | Refused() as answer:
                self._answered(self._calls.popleft(), answer)

    def _answered(self, call: _Call, answer: Done | Refused) -> None:
        if call.breaks:
            self._calls.appendleft(call)
            self._lose()
        elif isinstance(answer, Refused):
            call.answer.set_result(type(answer.error)(f"{answer.error} ({self.description})"))
        else:
            call.answer.set_result(answer)

    def _attached(self, session_id: int) -> None:
        if session_id == 0:
            self._has_expired, self._seen = True, 0
            self._change(SessionState.LOST)
            assert self._connection is not None
            self._connection.close_by_client()
            self._connection = None
            self._connect_after(0.0)
            return
        self._session_id, self._has_expired = session_id, False
        self._attempts = 0
        self._ping_is_out = False
        self._set_timer(self._next_ping(), self._ping)
        self._change(SessionState.CONNECTED)
        for path, watchers in list(self._watchers.items()):
            self._arm(path, watchers)

    def _ping(self) -> None:
        if self._ping_is_out or self._connection is None:
            self._lose()
            return
        self._ping_is_out = True
        self._connection.request(Ping())
        self._set_timer(self._next_ping(), self._ping)

    def _next_ping(self) -> float:
        return self._session_timeout / 3 * self._ensemble.scheduler.random.uniform(0.9, 1.0)

    def _set_timer(self, delay: float, action: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if action is None else self._loop.call_later(delay, action)

    def _fail_calls(self, error: ZooKeeperConnectionError) -> None:
        calls, self._calls = self._calls, deque()
        for call in calls:
            call.answer.set_result(type(error)(str(error)))

    def _change(self, state: SessionState) -> None:
        self._state = state
        if state is SessionState.CONNECTED:
            self._connected.set()
        else:
            self._connected.clear()
        for listener in list(self._listeners):
            self._loop.call_soon(self._tell, listener, state)

    def _tell(self, listener: Callable[[SessionState], None], state: SessionState) -> None:
        if listener in self._listeners and not self._is_closed:
            listener(state)
