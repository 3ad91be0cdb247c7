"""A model of a ZooKeeper ensemble: sessions, one order of writes, servers that lag, and ways to disturb it.

A write is carried out once, when it reaches a server; each server has it a little later. A session ends when no
server has heard of its client for its timeout, and all its nodes go in one transaction. Without a majority nothing is
served and nothing expires; sessions are given their whole timeout again when there is one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from millstream.common.high_availability.zookeeper.client import NodeStat, ZooKeeperError
from millstream.testing.simulation.zookeeper.client import SimulatedZooKeeperClient
from millstream.testing.simulation.zookeeper.messages import Answer, Done, Refused
from millstream.testing.simulation.zookeeper.scheduler import RESOLUTION_S, LoopScheduler, Scheduler
from millstream.testing.simulation.zookeeper.server import Server, Transaction
from millstream.testing.simulation.zookeeper.tree import Change, Tree

__all__ = ["SimulatedZooKeeper"]

_FIRST_SESSION = 0x1000_0000_0000_0001


@dataclass(slots=True)
class _Session:
    session_id: int
    timeout: float
    deadline: float
    server: Server


@dataclass(frozen=True, slots=True)
class _Write:
    transaction_id: int
    session_id: int
    now_ms: int
    changes: tuple[Change, ...]

    def apply(self, tree: Tree) -> None:
        tree.commit(self.changes, transaction_id=self.transaction_id, session_id=self.session_id, now_ms=self.now_ms)


@dataclass(frozen=True, slots=True)
class _SessionEnd:
    transaction_id: int
    session_id: int

    def apply(self, tree: Tree) -> None:
        tree.end_session(self.session_id, transaction_id=self.transaction_id)


class SimulatedZooKeeper:
    """The ensemble, and what tests do to it.

    :param scheduler: time, delays and chance; none: those of the running event loop, where everything is prompt.
    :param servers: how many there are; they run on hosts ``zookeeper-1``, ``zookeeper-2``...
    :param tick: sessions end up to so many seconds late.
    """

    def __init__(self, scheduler: Scheduler | None = None, *, servers: int = 1, tick: float = 0.0) -> None:
        self.scheduler: Scheduler = LoopScheduler() if scheduler is None else scheduler
        self._tick = tick
        self._tree = Tree()
        self._sessions: dict[int, _Session] = {}
        self._next_session = _FIRST_SESSION
        self._servers = [Server(f"zookeeper-{number + 1}", self) for number in range(servers)]
        self._running = set(range(servers))
        self._behind: dict[str, deque[Transaction]] = {server.host: deque() for server in self._servers}
        self._observers: list[Callable[[int, Sequence[Change]], None]] = []

    # --- for its users

    def client(
        self,
        root: str = "/",
        *,
        host: str = "localhost",
        session_timeout: float = 60.0,
        connection_timeout: float = 15.0,
        retry_wait: float = 0.05,
        max_retry_attempts: int = 3,
    ) -> SimulatedZooKeeperClient:
        """Return a client that is not started yet. Times in seconds; see its class."""
        return SimulatedZooKeeperClient(
            self,
            root,
            host=host,
            session_timeout=session_timeout,
            connection_timeout=connection_timeout,
            retry_wait=retry_wait,
            max_retry_attempts=max_retry_attempts,
        )

    @property
    def hosts(self) -> list[str]:
        """The hosts of the servers."""
        return [server.host for server in self._servers]

    @property
    def description(self) -> str:
        """The servers, for messages."""
        return ",".join(f"{host}:2181" for host in self.hosts)

    def server_at(self, number: int) -> Server:
        """Return a server to connect to."""
        return self._servers[number % len(self._servers)]

    # --- what is there

    @property
    def sessions(self) -> list[int]:
        """The ids of the sessions that go on."""
        return list(self._sessions)

    def paths(self) -> list[str]:
        """Return the paths of all nodes, as the leader has them."""
        return self._tree.paths()

    def node(self, path: str) -> tuple[bytes, NodeStat]:
        """Return a node, as the leader has it.

        :raises NodeMissingError: there is none.
        """
        return self._tree.get(path)

    def observe(self, observer: Callable[[int, Sequence[Change]], None]) -> None:
        """Call ``observer`` with each write that was carried out, right after it: the session, and what it did."""
        self._observers.append(observer)

    # --- disturbances

    def expire(self, session: int | SimulatedZooKeeperClient) -> None:
        """End a session at once, as if its client had not been heard of. The client learns it when it is answered."""
        session_id = session if isinstance(session, int) else session.session_id
        if session_id not in self._sessions:
            raise ValueError(f"there is no session {session_id:#x}")
        self.end_session(session_id)

    def disconnect(self, client: SimulatedZooKeeperClient) -> None:
        """Break a client's connection, and let it find none until :meth:`reconnect`."""
        client.hold_off()

    def reconnect(self, client: SimulatedZooKeeperClient) -> None:
        """Let a client find a server again."""
        client.go_on()

    def fail_next(self, client: SimulatedZooKeeperClient, *, before: int = 0, after: int = 0) -> None:
        """Break the connection at a client's next write(s): it cannot tell whether they were carried out.

        :param before: so many are not.
        :param after: of those after them so many are.
        """
        client.break_at_writes(before, after)

    def break_connections(self, host: str) -> None:
        """Break the connections of the clients at a host; what was under way either way is lost."""
        for server in self._servers:
            server.break_connections(host)

    def stop_server(self, number: int) -> None:
        """Kill a server. Without a majority the others do not serve either."""
        self._running.discard(number)
        self._servers[number].stop_serving()
        if not self._has_majority:
            for server in self._servers:
                server.stop_serving()

    def start_server(self, number: int) -> None:
        """Start a server again; it knows what the majority knows."""
        had_majority = self._has_majority
        self._running.add(number)
        if not self._has_majority:
            return
        for each in sorted(self._running):
            server = self._servers[each]
            if not server.is_serving:
                self._behind[server.host].clear()
                server.catch_up(self._tree.copy())
                server.is_serving = True
        if not had_majority:
            for session in self._sessions.values():
                session.deadline = self.scheduler.now + session.timeout
                self._look_after(session)

    def stop(self) -> None:
        """Kill all servers."""
        for number in range(len(self._servers)):
            self.stop_server(number)

    def start(self) -> None:
        """Start those that are killed."""
        for number in range(len(self._servers)):
            self.start_server(number)

    # --- for its servers

    @property
    def last_id(self) -> int:
        return self._tree.last_id

    def attach(self, session_id: int, session_timeout: float, server: Server) -> int:
        if session_id == 0:
            session_id = self._next_session
            self._next_session += 1
            session = _Session(session_id, session_timeout, self.scheduler.now + session_timeout, server)
            self._sessions[session_id] = session
            self._look_after(session)
            return session_id
        session_or_none = self._sessions.get(session_id)
        if session_or_none is None:
            return 0
        session_or_none.server.leave(session_id)
        session_or_none.server = server
        self.heard_of(session_id)
        return session_id

    def heard_of(self, session_id: int) -> bool:
        session = self._sessions.get(session_id)
        if session is None:
            return False
        session.deadline = self.scheduler.now + session.timeout
        return True

    def commit(self, session_id: int, changes: Sequence[Change]) -> Answer:
        write = _Write(self._tree.last_id + 1, session_id, self.scheduler.now_ms, tuple(changes))
        try:
            results = self._tree.commit(
                changes, transaction_id=write.transaction_id, session_id=session_id, now_ms=write.now_ms
            )
        except ZooKeeperError as error:
            return Refused(error)
        for observer in self._observers:
            observer(session_id, changes)
        self._spread(write)
        return Done(tuple(results))

    def end_session(self, session_id: int) -> None:
        session = self._sessions.pop(session_id)
        end = _SessionEnd(self._tree.last_id + 1, session_id)
        end.apply(self._tree)
        self._spread(end)
        session.server.leave(session_id)

    @property
    def _has_majority(self) -> bool:
        return 2 * len(self._running) > len(self._servers)

    def _spread(self, transaction: Transaction) -> None:
        """Let each server have it, in order; the first at once."""
        for number, server in enumerate(self._servers):
            if not server.is_serving:
                continue
            lag = 0.0 if number == 0 else self.scheduler.latency(self._servers[0].host, server.host)
            behind = self._behind[server.host]
            if lag == 0 and not behind:
                server.apply(transaction)
            else:
                behind.append(transaction)
                self.scheduler.at(lag, partial(self._apply_next, server))

    def _apply_next(self, server: Server) -> None:
        behind = self._behind[server.host]
        if behind:
            server.apply(behind.popleft())

    def _look_after(self, session: _Session) -> None:
        late = self.scheduler.random.uniform(0, self._tick)
        self.scheduler.at(session.deadline - self.scheduler.now + late, lambda: self._expire_if_due(session))

    def _expire_if_due(self, session: _Session) -> None:
        if self._sessions.get(session.session_id) is not session or not self._has_majority:
            return
        if session.deadline > self.scheduler.now + RESOLUTION_S:
            self._look_after(session)
        else:
            self.end_session(session.session_id)
