"""Reads what is kept for the clusters that share a ZooKeeper, without being one of their masters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar

from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import NodeMissingError, ZooKeeperClient
from millstream.common.high_availability.zookeeper.inventory import ClusterInventory, KeptJob, Master
from millstream.common.high_availability.zookeeper.pointer_format import (
    MalformedPointerError,
    decode_checkpoint,
    decode_graph,
    decode_result,
)
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import JobID

__all__ = ["InventoryReader"]

_SEQUENCE = re.compile(r"-(-?\d+)$")
_MOST_LEVELS = 4
"""Of a cluster's id: /team/project/cluster."""

T = TypeVar("T")


class InventoryReader:
    """Looks into ZooKeeper.

    :param client: connected, at the node under which all clusters lie.
    """

    def __init__(self, client: ZooKeeperClient) -> None:
        self._client = client

    async def cluster_ids(self) -> list[str]:
        """Return the ids of all clusters of which something is kept, sorted, each with a slash in front."""
        await self._client.sync()
        return sorted(await self._below("", _MOST_LEVELS))

    async def read(self, cluster_id: str, job_graphs: str, storage: HighAvailabilityStorage) -> ClusterInventory:
        """Return all that is kept for one cluster; nothing, if there is no such cluster.

        :param job_graphs: the node of the pointers to graphs, below the cluster's.
        :param storage: of that cluster.
        :raises ZooKeeperError: ZooKeeper does not answer.
        :raises FileSystemError: the storage cannot be read.
        """
        await self._client.sync()
        # Files first: a file that is written meanwhile is not missed then, only its pointer is seen before it.
        files = await storage.files()
        jobs: dict[JobID, KeptJob] = {}
        names = {
            *await self._children(cluster_id + job_graphs),
            *await self._children(cluster_id + paths.JOBS),
            *await self._children(cluster_id + paths.RESULTS),
        }
        for name in sorted(names):
            try:
                job_id = JobID.parse(name)
            except ValueError:
                continue  # not Millstream's
            jobs[job_id] = await self._job(cluster_id, job_graphs, job_id)
        return ClusterInventory(
            cluster_id,
            tuple(await self.masters(cluster_id)),
            await self._leaders(cluster_id),
            job_graphs,
            jobs,
            tuple(files),
            storage.directories,
            storage.root,
            await storage.exists(),
        )

    async def masters(self, cluster_id: str) -> list[Master]:
        """Return the masters of a cluster that are alive, the one that leads first."""
        latch = cluster_id + paths.LATCH
        names = await self._children(latch)
        found = []
        for name in sorted(names, key=_sequence):
            contents = await self._find(f"{latch}/{name}")
            if contents is not None:
                found.append(_master(name, contents))
        return found

    async def _below(self, path: str, levels: int) -> list[str]:
        names = await self._children(path or "/")
        if path and {paths.LEADER[1:], paths.JOBS[1:], paths.RESULTS[1:]} & set(names):
            return [path]
        if not levels:
            return []
        return [found for name in names for found in await self._below(f"{path}/{name}", levels - 1)]

    async def _job(self, cluster_id: str, job_graphs: str, job_id: JobID) -> KeptJob:
        unreadable: dict[str, str] = {}

        async def pointer(node: str, decode: Callable[[bytes, str], T]) -> T | None:
            contents = await self._find(cluster_id + node)
            if contents is None:
                return None
            try:
                return decode(contents, node)
            except MalformedPointerError as error:
                unreadable[node] = str(error)
                return None

        directory = paths.checkpoints(job_id)
        checkpoints = [
            found
            for name in await self._children(cluster_id + directory)
            if (found := await pointer(f"{directory}/{name}", decode_checkpoint)) is not None
        ]
        return KeptJob(
            graph=await pointer(f"{job_graphs}/{job_id}", decode_graph),
            result=await pointer(paths.result(job_id), decode_result),
            checkpoints=tuple(sorted(checkpoints, key=lambda each: each.checkpoint_id)),
            has_node=await self._find(cluster_id + paths.job(job_id)) is not None,
            unreadable=unreadable,
        )

    async def _leaders(self, cluster_id: str) -> dict[str, str]:
        directory = cluster_id + paths.LEADER
        found = {}
        for name in await self._children(directory):
            contents = await self._find(f"{directory}/{name}/connection_info")
            if contents is not None:
                found[name] = _text(_json(contents).get("address"))
        return found

    async def _children(self, path: str) -> list[str]:
        try:
            return await self._client.children(path)
        except NodeMissingError:
            return []

    async def _find(self, path: str) -> bytes | None:
        try:
            return (await self._client.get(path))[0]
        except NodeMissingError:
            return None


def _sequence(name: str) -> tuple[int, str]:
    found = _SEQUENCE.search(name)
    return (int(found[1]) if found is not None else 0, name)


def _master(name: str, contents: bytes) -> Master:
    fields = _json(contents)
    pid = fields.get("pid")
    return Master(name, _text(fields.get("address")), pid if isinstance(pid, int) else 0, _text(fields.get("host")))


def _json(contents: bytes) -> dict[str, object]:
    """What a node tells people; nothing depends on it."""
    try:
        fields = json.loads(contents)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
