"""One server of the model's ensemble: serves connections from its own tree, which may lag behind the leader's.

As ZooKeeper's: a client's requests are answered in order; its own writes are in the tree when they are answered; what
a watch waited for is told before anything newer is; what others wrote may not be there yet, unless one syncs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from millstream.common.high_availability.zookeeper.client import ZooKeeperError
from millstream.testing.simulation.zookeeper.connection import Connection
from millstream.testing.simulation.zookeeper.messages import (
    Answer,
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
from millstream.testing.simulation.zookeeper.tree import Change, Tree

__all__ = ["Leader", "Server", "Transaction"]


class Transaction(Protocol):
    """What the leader has carried out, to be carried out by each server."""

    def apply(self, tree: Tree) -> None: ...


class Leader(Protocol):
    """What a server asks of the ensemble."""

    @property
    def last_id(self) -> int:
        """Of the last transaction."""
        ...

    def attach(self, session_id: int, session_timeout: float, server: Server) -> int:
        """Begin a session (of id 0) or go on with one at this server. Returns its id; 0: it has expired."""
        ...

    def heard_of(self, session_id: int) -> bool:
        """The session's client lives. Returns whether the session does."""
        ...

    def commit(self, session_id: int, changes: tuple[Change, ...]) -> Answer:
        """Carry a write out, for all servers."""
        ...

    def end_session(self, session_id: int) -> None:
        """End it, for all servers."""
        ...


@dataclass(slots=True)
class _Served:
    connection: Connection
    session_id: int
    requests: deque[Request] = field(default_factory=deque)
    watches: set[str] = field(default_factory=set)
    held: Answer | None = None
    held_until: int = 0
    is_handling: bool = False


class Server:
    """One server.

    :ivar host: where it runs.
    :ivar is_serving: it is part of a majority.
    """

    def __init__(self, host: str, leader: Leader) -> None:
        self.host = host
        self.is_serving = True
        self._leader = leader
        self._tree = Tree()
        self._served: dict[Connection, _Served] = {}

    def receive(self, connection: Connection, request: Request | None) -> None:
        """Take a packet."""
        if request is None:
            self._served.pop(connection, None)
        elif not self.is_serving:
            connection.close_by_server()
        elif isinstance(request, Attach):
            self._attach(connection, request)
        else:
            served = self._served.get(connection)
            if served is None or not self._leader.heard_of(served.session_id):
                self._served.pop(connection, None)
                connection.close_by_server()
                return
            served.requests.append(request)
            self._work(served)

    def apply(self, transaction: Transaction) -> None:
        """Carry out what the leader has; tell those who watch or wait for it."""
        transaction.apply(self._tree)
        touched = self._tree.touched
        for served in list(self._served.values()):
            for path in touched:
                if path in served.watches:
                    served.watches.discard(path)
                    self._reply(served, Touched(path))
        for served in list(self._served.values()):
            self._work(served)

    def catch_up(self, tree: Tree) -> None:
        """Go on from the leader's tree."""
        self._tree = tree

    def leave(self, session_id: int) -> None:
        """The session goes on elsewhere, or has ended: close its connection here."""
        for served in list(self._served.values()):
            if served.session_id == session_id:
                del self._served[served.connection]
                served.connection.close_by_server()

    def stop_serving(self) -> None:
        """Break all connections; what was under way is lost."""
        self.is_serving = False
        for served in self._served.values():
            served.connection.break_by_server()
        self._served.clear()

    def break_connections(self, client_host: str) -> None:
        """Break the connections of the clients at a host."""
        for served in list(self._served.values()):
            if served.connection.client_host == client_host:
                del self._served[served.connection]
                served.connection.break_by_server()

    def _attach(self, connection: Connection, request: Attach) -> None:
        if request.seen > self._tree.last_id:
            connection.close_by_server()
            return
        session_id = self._leader.attach(request.session_id, request.session_timeout, self)
        connection.reply(Reply(Attached(session_id), self._tree.last_id))
        if session_id:
            self._served[connection] = _Served(connection, session_id)
        else:
            connection.close_by_server()

    def _work(self, served: _Served) -> None:
        """Answer in order, as far as this server knows enough."""
        while not served.is_handling and self._served.get(served.connection) is served:
            if served.held is not None:
                if self._tree.last_id < served.held_until:
                    return
                answer, served.held = served.held, None
                self._reply(served, answer)
            if not served.requests:
                return
            served.is_handling = True
            self._handle(served, served.requests.popleft())
            served.is_handling = False

    def _handle(self, served: _Served, request: Request) -> None:
        match request:
            case Ping():
                self._reply(served, Pong())
            case GetNode() | GetChildren() | Watch():
                self._reply(served, self._read(served, request))
            case Sync():
                self._hold(served, Done())
            case Commit(changes):
                self._hold(served, self._leader.commit(served.session_id, changes))
            case EndSession():
                self._reply(served, Done())
                self._leader.end_session(served.session_id)
            case Attach():
                raise AssertionError("a connection is attached once")

    def _read(self, served: _Served, request: GetNode | GetChildren | Watch) -> Answer:
        try:
            match request:
                case GetNode(path):
                    data, stat = self._tree.get(path)
                    return Done(data=data, stat=stat)
                case GetChildren(path):
                    return Done(children=tuple(self._tree.children(path)))
                case Watch(path):
                    served.watches.add(path)
                    return Done()
        except ZooKeeperError as error:
            return Refused(error)

    def _hold(self, served: _Served, answer: Answer) -> None:
        """Answer when everything that was written so far is in this server's tree."""
        served.held, served.held_until = answer, self._leader.last_id

    def _reply(self, served: _Served, message: Answer | Pong | Touched) -> None:
        served.connection.reply(Reply(message, self._tree.last_id))
