"""Several operations as one transaction of kazoo's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kazoo.exceptions import RolledBackError

from millstream.common.high_availability.zookeeper.client import (
    CheckNode,
    CreateNode,
    DeleteNode,
    Operation,
    SetNode,
)
from millstream.common.high_availability.zookeeper.kazoo_errors import translated

__all__ = ["raise_first_failure", "submit"]


def submit(kazoo: Any, root: str, operations: Sequence[Operation], acl: list[Any]) -> Any:
    """Send the operations; returns kazoo's result to come.

    :param root: put before each path.
    :param acl: of new nodes.
    """
    transaction = kazoo.transaction()
    for operation in operations:
        path = root + operation.path
        match operation:
            case CheckNode():
                transaction.check(path, operation.version)
            case CreateNode():
                transaction.create(path, operation.data, acl=acl, ephemeral=operation.ephemeral)
            case SetNode():
                transaction.set_data(path, operation.data, operation.version)
            case DeleteNode():
                transaction.delete(path, operation.version)
    return transaction.commit_async()


def raise_first_failure(operations: Sequence[Operation], results: Sequence[object], where: str) -> None:
    """Look through the results, of which kazoo raises none.

    :param where: servers and root, for the error.
    :raises ZooKeeperError: that of the first operation that was not possible.
    """
    for operation, result in zip(operations, results, strict=True):
        # Those before the one that was not possible are said to be rolled back.
        if isinstance(result, Exception) and not isinstance(result, RolledBackError):
            raise translated(result, f"{type(operation).__name__} {operation.path}", where)
