"""What kazoo raises, as the errors of :mod:`~millstream.common.high_availability.zookeeper.client`."""

from __future__ import annotations

from kazoo import exceptions as kazoo

from millstream.common.high_availability.zookeeper.client import (
    NodeExistsError,
    NodeMissingError,
    NodeNotEmptyError,
    SessionLostError,
    VersionMismatchError,
    ZooKeeperConnectionError,
    ZooKeeperError,
)

__all__ = ["translated"]

# The first that fits: kazoo's error of a closed connection is one of its errors of an expired session.
_KINDS: tuple[tuple[type[Exception], type[ZooKeeperError], str], ...] = (
    (kazoo.NoNodeError, NodeMissingError, "there is no such node"),
    (kazoo.NodeExistsError, NodeExistsError, "there is such a node already"),
    (kazoo.NotEmptyError, NodeNotEmptyError, "the node has children"),
    (kazoo.BadVersionError, VersionMismatchError, "the node was changed meanwhile"),
    (kazoo.ConnectionClosedError, ZooKeeperConnectionError, "the connection is closed"),
    (kazoo.SessionExpiredError, SessionLostError, "the session has expired"),
    (kazoo.ConnectionLoss, ZooKeeperConnectionError, "the connection broke before the answer came"),
    (kazoo.SessionMovedError, ZooKeeperConnectionError, "the session has moved to another server"),
    (kazoo.OperationTimeoutError, ZooKeeperConnectionError, "the server gave up"),
    (kazoo.SystemZookeeperError, ZooKeeperConnectionError, "the server has failed"),
    (kazoo.NoAuthError, ZooKeeperError, "the node is others' (high-availability.zookeeper.client.authorization)"),
    (
        kazoo.InvalidACLError,
        ZooKeeperError,
        "acl creator needs high-availability.zookeeper.client.authorization, such as digest:user:password",
    ),
    (
        kazoo.AuthFailedError,
        ZooKeeperError,
        "the server refuses what high-availability.zookeeper.client.authorization says",
    ),
    (kazoo.NoChildrenForEphemeralsError, ZooKeeperError, "an ephemeral node has no children"),
)

# Those that older versions of kazoo have no class for, by ZooKeeper's number.
_NUMBERS: dict[int, tuple[type[ZooKeeperError], str]] = {
    -122: (ZooKeeperConnectionError, "the server gave up"),
    -125: (ZooKeeperError, "the node's quota is used up"),
    -127: (ZooKeeperConnectionError, "the server has too much to do"),
}


def translated(error: Exception, what: str, where: str) -> ZooKeeperError:
    """Return the error to raise in the place of kazoo's.

    :param what: was asked for: ``get /leader``.
    :param where: servers and root.
    """
    for kind, becomes, reason in _KINDS:
        if isinstance(error, kind):
            return becomes(f"{what}: {reason} ({where})")
    number = getattr(error, "code", 0)
    if number in _NUMBERS:
        becomes, reason = _NUMBERS[number]
        return becomes(f"{what}: {reason} ({where})")
    # What no server has said is a failure of kazoo's, and no news of what was asked for.
    becomes = ZooKeeperError if isinstance(error, kazoo.ZookeeperError) else ZooKeeperConnectionError
    return becomes(f"{what}: {type(error).__name__}: {error} ({where})")
