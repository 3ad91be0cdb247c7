"""Removes garbage of a cluster while none of its masters can lead.

Whoever cleans contends as a master does: its node among the candidates keeps others from leading, and is the
condition of each removal, so that a cleaner that was frozen removes nothing when it comes back.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import (
    CheckNode,
    DeleteNode,
    NodeMissingError,
    NodeNotEmptyError,
    ZooKeeperClient,
)
from millstream.common.high_availability.zookeeper.inventory import Garbage, GarbageKind, Master
from millstream.common.high_availability.zookeeper.inventory_reader import InventoryReader
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import IdFactory

__all__ = ["CLEANER", "ClusterCleaning", "MasterAliveError", "alive_message"]

CLEANER = "millstream ha clean"
"""What stands in the place of a master's address."""

_MOST_AT_ONCE = 1000
"""Nodes in one request, which must be smaller than a megabyte."""

_NODE_REMOVED = FaultPoint("ha.garbage-node-removed", "a pointer without use is removed, its file is still there")


class MasterAliveError(MillstreamError):
    """A master of the cluster is alive: it may be using what looks like garbage."""


def alive_message(cluster_id: str, addresses: Sequence[str]) -> str:
    """What to tell whoever would clean up beside masters."""
    return (
        f"A master of the cluster {cluster_id} is alive, or was a moment ago ({', '.join(addresses)}): stop all "
        "masters and wait until their sessions have expired (high-availability.zookeeper.client.session-timeout), or "
        "give --force to remove only what no master can be using."
    )


class ClusterCleaning:
    """The removal of garbage of one cluster.

    :param client: connected, at the node under which all clusters lie.
    :param cluster_id: with a slash in front.
    :param storage: of that cluster.
    """

    def __init__(
        self, client: ZooKeeperClient, cluster_id: str, storage: HighAvailabilityStorage, ids: IdFactory | None = None
    ) -> None:
        self._client = client
        self._cluster_id = cluster_id
        self._storage = storage
        self._ids = ids if ids is not None else IdFactory()
        self._own = ""

    @asynccontextmanager
    async def instead_of_masters(self, *, force: bool) -> AsyncIterator[tuple[Master, ...]]:
        """Keep the cluster's masters from leading within the context; gives those that are alive.

        :param force: go on although some are alive, one of which may lead.
        :raises MasterAliveError: some are.
        """
        latch = self._cluster_id + paths.LATCH
        identity = json.dumps({"address": CLEANER, "pid": os.getpid(), "host": socket.gethostname()}).encode()
        self._own = await self._client.create(f"{latch}/{self._ids.hex()}-", identity, ephemeral=True, sequential=True)
        try:
            await self._client.sync()
            masters = await InventoryReader(self._client).masters(self._cluster_id)
            others = tuple(each for each in masters if f"{latch}/{each.node}" != self._own)
            if others and not force:
                raise MasterAliveError(alive_message(self._cluster_id, [each.address for each in others]))
            yield others
        finally:
            try:
                await self._client.delete(self._own)
            except NodeMissingError:
                pass  # the session has expired, and with it the right to remove anything

    async def remove(self, garbage: Garbage) -> None:
        """Remove one thing; nothing if it is not there.

        :raises MillstreamError: it is still there, or nobody can tell.
        """
        try:
            if garbage.kind is GarbageKind.FILE:
                await self._client.get(self._own)
                await self._storage.delete(garbage.path)
                return
            nodes = await self._tree(self._cluster_id + garbage.path)
            for begin in range(0, len(nodes), _MOST_AT_ONCE):
                removed = nodes[begin : begin + _MOST_AT_ONCE]
                await self._client.commit([CheckNode(self._own), *map(DeleteNode, removed)])
        except NodeMissingError as error:
            raise MillstreamError(
                f"{garbage.path} is not removed: the session with ZooKeeper has expired, or somebody else removes "
                "things too. Try again."
            ) from error
        _NODE_REMOVED.reach()

    async def remove_empty_nodes(self, job_graphs: str) -> None:
        """Remove the nodes of the cluster itself, after all that was in them; to be called outside the context."""
        leader = self._cluster_id + paths.LEADER
        endpoints = [f"{leader}/{name}" for name in await self._children(leader)]
        below = [job_graphs, paths.JOBS, paths.RESULTS]
        for node in [*endpoints, leader, *(self._cluster_id + path for path in below), self._cluster_id]:
            try:
                await self._client.delete(node)
            except NodeMissingError:
                pass  # as it shall be
            except NodeNotEmptyError:
                pass  # somebody else's, or a master has started

    async def _tree(self, node: str) -> Sequence[str]:
        """A node and all below it, the lowest first; none if it is not there."""
        try:
            names = await self._client.children(node)
        except NodeMissingError:
            return []
        return [each for name in names for each in await self._tree(f"{node}/{name}")] + [node]

    async def _children(self, node: str) -> list[str]:
        try:
            return await self._client.children(node)
        except NodeMissingError:
            return []
