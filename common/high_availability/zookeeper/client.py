"""The part of ZooKeeper that Millstream uses, as an asynchronous interface.

It is narrow on purpose: kazoo is behind it in real processes, a model of ZooKeeper in simulations. Sessions come and
go by themselves: a client whose session has expired gets a new one as soon as a server can be reached, and tells its
listeners of each change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from millstream.common.errors import MillstreamError

__all__ = [
    "CheckNode",
    "CreateNode",
    "DeleteNode",
    "NodeExistsError",
    "NodeMissingError",
    "NodeNotEmptyError",
    "NodeStat",
    "Operation",
    "SessionLostError",
    "SessionState",
    "SetNode",
    "VersionMismatchError",
    "ZooKeeperClient",
    "ZooKeeperConnectionError",
    "ZooKeeperError",
]

ANY_VERSION = -1


class ZooKeeperError(MillstreamError):
    """ZooKeeper did not do what it was asked. The message names the node and the servers."""


class NodeMissingError(ZooKeeperError):
    """There is no such node (or no parent for a new one)."""


class NodeExistsError(ZooKeeperError):
    """There is such a node already."""


class NodeNotEmptyError(ZooKeeperError):
    """The node has children and cannot be deleted."""


class VersionMismatchError(ZooKeeperError):
    """The node has another version than the one that was expected."""


class ZooKeeperConnectionError(ZooKeeperError):
    """No answer: the connection is lost, or was before the answer came. The write may have been done or not."""


class SessionLostError(ZooKeeperConnectionError):
    """The session has expired, and its ephemeral nodes are gone. The write may have been done before that or not."""


class SessionState(Enum):
    """How the client stands with the ensemble."""

    CONNECTED = "CONNECTED"
    """A session, old or new, is served."""
    SUSPENDED = "SUSPENDED"
    """No server is connected; the session may go on or expire meanwhile."""
    LOST = "LOST"
    """The session is known to have expired. The next one begins with CONNECTED."""


@dataclass(frozen=True, slots=True)
class NodeStat:
    """What ZooKeeper knows of a node.

    :ivar version: counts the changes of its data, from 0.
    :ivar creation_id: of the transaction that created it: tells a node from its successor of the same name.
    :ivar ephemeral_owner: the session that it goes with; 0: none.
    :ivar modified_ms: when its data was last set, by the servers' clock.
    """

    version: int
    creation_id: int
    ephemeral_owner: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class CheckNode:
    """The node is there (in this version)."""

    path: str
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class CreateNode:
    """Make a node; its parent must be there."""

    path: str
    data: bytes = b""
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class SetNode:
    """Replace a node's data."""

    path: str
    data: bytes
    version: int = ANY_VERSION


@dataclass(frozen=True, slots=True)
class DeleteNode:
    """Delete a node without children."""

    path: str
    version: int = ANY_VERSION


Operation: TypeAlias = CheckNode | CreateNode | SetNode | DeleteNode


class ZooKeeperClient(Protocol):
    """One client of an ensemble. All methods belong to one event loop, and listeners are called on it.

    Paths are absolute and begin where the client was told to begin (its root is not part of them). Reads and writes
    that fail because of the connection raise :class:`ZooKeeperConnectionError`; the client does not repeat writes.
    """

    @property
    def description(self) -> str:
        """Servers and root, for messages."""
        ...

    @property
    def state(self) -> SessionState: ...

    @property
    def session_id(self) -> int:
        """Of the present session; 0: there is none yet."""
        ...

    async def start(self) -> None:
        """Connect and make the root.

        :raises ZooKeeperConnectionError: no server answered within the connection timeout.
        """
        ...

    def listen(self, listener: Callable[[SessionState], None]) -> Callable[[], None]:
        """Call the listener with each change of the state, in order. Returns what ends that."""
        ...

    async def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequential: bool = False, parents: bool = True
    ) -> str:
        """Make a node (and its parents). Returns its path, which has ten more digits if it is sequential.

        :raises NodeExistsError: there is one.
        """
        ...

    async def get(self, path: str) -> tuple[bytes, NodeStat]:
        """Return a node's data.

        :raises NodeMissingError: there is none.
        """
        ...

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> NodeStat:
        """Replace a node's data.

        :raises NodeMissingError: there is none.
        :raises VersionMismatchError: it was changed.
        """
        ...

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        """Delete a node without children.

        :raises NodeMissingError: there is none.
        :raises NodeNotEmptyError: it has children.
        """
        ...

    async def children(self, path: str) -> list[str]:
        """Return the names of a node's children, sorted.

        :raises NodeMissingError: there is none such.
        """
        ...

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Carry out all operations or none.

        :raises ZooKeeperError: none was; the error is that of the first operation that is not possible.
        :raises ZooKeeperConnectionError: nobody can tell.
        """
        ...

    async def sync(self) -> None:
        """Return when reads see everything that was written, by anybody, before this was called."""
        ...

    def watch(self, path: str, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call ``on_change`` soon, and whenever the node, its data or its children may have changed since: also when
        a connection is there again. The node need not exist. Returns what ends the watch.
        """
        ...

    async def close(self) -> None:
        """End the session, so that its ephemeral nodes go at once. May be called twice."""
        ...
