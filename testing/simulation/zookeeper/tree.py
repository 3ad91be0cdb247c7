"""ZooKeeper's tree of nodes, as plain data: what a transaction does to it, all of it or nothing.

Nothing here knows of time, servers or connections. Each server of an ensemble has one, and the same transactions in
the same order make the same tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from millstream.common.high_availability.zookeeper.client import (
    ANY_VERSION,
    CheckNode,
    CreateNode,
    DeleteNode,
    NodeExistsError,
    NodeMissingError,
    NodeNotEmptyError,
    NodeStat,
    SetNode,
    VersionMismatchError,
    ZooKeeperError,
)

__all__ = ["Change", "CreateSequential", "Result", "Tree", "ancestors", "parent_of"]


@dataclass(frozen=True, slots=True)
class CreateSequential:
    """Make a node whose name gets ten more digits: how many children its parent ever had."""

    path: str
    data: bytes = b""
    ephemeral: bool = False


Change: TypeAlias = CheckNode | CreateNode | CreateSequential | SetNode | DeleteNode
Result: TypeAlias = str | NodeStat | None
"""Of a change: the path that was made, the new stat, or nothing."""


@dataclass(slots=True)
class _Node:
    data: bytes
    creation_id: int
    modified_ms: int
    ephemeral_owner: int = 0
    version: int = 0
    children: set[str] = field(default_factory=set)
    ever_created: int = 0

    @property
    def stat(self) -> NodeStat:
        return NodeStat(self.version, self.creation_id, self.ephemeral_owner, self.modified_ms)


class Tree:
    """The nodes by path. The root is always there.

    :ivar last_id: of the last transaction that was carried out.
    :ivar touched: the nodes that it created, changed, deleted, or whose children it did: whose watches go off.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {"/": _Node(b"", 0, 0)}
        self._before: dict[str, _Node | None] = {}
        self.last_id = 0
        self.touched: list[str] = []

    def copy(self) -> Tree:
        """Return the same nodes again, independent of these."""
        other = Tree()
        other._nodes = {path: _copy_of(node) for path, node in self._nodes.items()}
        other.last_id = self.last_id
        return other

    def get(self, path: str) -> tuple[bytes, NodeStat]:
        """Return a node's data.

        :raises NodeMissingError: there is none.
        """
        node = self._node(path)
        return node.data, node.stat

    def children(self, path: str) -> list[str]:
        """Return the names of a node's children, sorted.

        :raises NodeMissingError: there is no such node.
        """
        return sorted(self._node(path).children)

    def paths(self) -> list[str]:
        """Return the paths of all nodes, sorted."""
        return sorted(self._nodes)

    def ephemerals(self, session_id: int) -> list[str]:
        """Return the nodes that go with a session, sorted."""
        return sorted(path for path, node in self._nodes.items() if node.ephemeral_owner == session_id)

    def commit(self, changes: Sequence[Change], *, transaction_id: int, session_id: int, now_ms: int) -> list[Result]:
        """Carry out all changes, each on what those before it left, or none.

        :param transaction_id: greater than that of any transaction before.
        :raises ZooKeeperError: of the first change that is not possible; nothing is changed.
        """
        self._before = {}
        touched: dict[str, None] = {}
        try:
            results = [self._apply(change, transaction_id, session_id, now_ms, touched) for change in changes]
        except ZooKeeperError:
            self._roll_back()
            raise
        self.last_id = transaction_id
        self.touched = list(touched)
        return results

    def end_session(self, session_id: int, *, transaction_id: int) -> list[str]:
        """Delete the nodes of a session, all at once. Returns their paths."""
        ended = self.ephemerals(session_id)
        self.commit([DeleteNode(path) for path in ended], transaction_id=transaction_id, session_id=0, now_ms=0)
        return ended

    def _apply(
        self, change: Change, transaction_id: int, session_id: int, now_ms: int, touched: dict[str, None]
    ) -> Result:
        if isinstance(change, CheckNode):
            self._expect(change.path, change.version)
            return None
        if isinstance(change, SetNode):
            self._expect(change.path, change.version)
            node = self._changing(change.path)
            node.data, node.version, node.modified_ms = change.data, node.version + 1, now_ms
            touched[change.path] = None
            return node.stat
        if isinstance(change, DeleteNode):
            self._delete(change)
            touched[change.path] = touched[parent_of(change.path)] = None
            return None
        path = self._create(change, transaction_id, session_id, now_ms)
        touched[path] = touched[parent_of(path)] = None
        return path

    def _create(self, change: CreateNode | CreateSequential, transaction_id: int, session_id: int, now_ms: int) -> str:
        above = parent_of(change.path)
        if above not in self._nodes and change.path != "/":
            raise NodeMissingError(f"cannot make {change.path}: there is no node {above}")
        path = change.path
        if isinstance(change, CreateSequential):
            path = f"{path}{self._nodes[above].ever_created:010d}"
        if path in self._nodes:
            raise NodeExistsError(f"cannot make {path}: there is such a node already")
        if self._nodes[above].ephemeral_owner:
            raise ZooKeeperError(f"cannot make {path}: {above} is ephemeral, and such nodes have no children")
        parent = self._changing(above)
        parent.children.add(path.rpartition("/")[2])
        parent.ever_created += 1
        self._before.setdefault(path, None)
        self._nodes[path] = _Node(change.data, transaction_id, now_ms, session_id if change.ephemeral else 0)
        return path

    def _delete(self, change: DeleteNode) -> None:
        if change.path == "/":
            raise ZooKeeperError("the root cannot be deleted")
        self._expect(change.path, change.version)
        if self._nodes[change.path].children:
            raise NodeNotEmptyError(f"cannot delete {change.path}: it has children")
        self._changing(parent_of(change.path)).children.discard(change.path.rpartition("/")[2])
        self._before.setdefault(change.path, self._nodes[change.path])
        del self._nodes[change.path]

    def _expect(self, path: str, version: int) -> None:
        node = self._node(path)
        if version not in (ANY_VERSION, node.version):
            raise VersionMismatchError(f"{path} has version {node.version}, not {version}")

    def _node(self, path: str) -> _Node:
        node = self._nodes.get(path)
        if node is None:
            raise NodeMissingError(f"there is no node {path}")
        return node

    def _changing(self, path: str) -> _Node:
        """The node to change in place; as it was is kept until the transaction ends."""
        if path not in self._before:
            self._before[path] = self._nodes[path]
            self._nodes[path] = _copy_of(self._nodes[path])
        return self._nodes[path]

    def _roll_back(self) -> None:
        for path, node in self._before.items():
            if node is None:
                self._nodes.pop(path, None)
            else:
                self._nodes[path] = node


def parent_of(path: str) -> str:
    """Return the path of the node above; the root's is the root."""
    return path.rpartition("/")[0] or "/"


def ancestors(path: str) -> Iterable[str]:
    """Return the paths of all nodes above, the root left out, uppermost first."""
    names = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(names[: count + 1]) for count in range(len(names))]


def _copy_of(node: _Node) -> _Node:
    return replace(node, children=set(node.children))
