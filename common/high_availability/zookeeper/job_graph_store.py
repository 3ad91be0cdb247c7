"""Job graphs: a pointer in ZooKeeper to a file in the storage, for each job that a new leader takes up."""

from __future__ import annotations

import asyncio
import logging

from google.protobuf.message import DecodeError

from millstream.common.errors import JobNotFoundError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.zookeeper.data_frame import DataKind, UnreadableDataError
from millstream.common.high_availability.zookeeper.fence import Fence
from millstream.common.high_availability.zookeeper.fenced_writes import FencedWrites
from millstream.common.high_availability.zookeeper.pointer_format import (
    MalformedPointerError,
    decode_graph,
    encode_graph,
)
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["ZooKeeperJobGraphStore"]

logger = logging.getLogger(__name__)

_DATA_WRITTEN = FaultPoint("ha.job-graph-written", "the file of a job graph is there, no pointer leads to it")
_KEPT = FaultPoint("ha.job-graph-kept", "a job graph is kept, nobody was told, an older file is still there")
_POINTER_REMOVED = FaultPoint("ha.job-graph-pointer-removed", "a job graph is kept no more, its file is still there")


class ZooKeeperJobGraphStore:
    """Implements :class:`~millstream.common.high_availability.job_graph_store.JobGraphStore`.

    :param node: below which the pointers are: ``paths.job_graphs(configuration)``.
    """

    def __init__(self, fence: Fence, storage: HighAvailabilityStorage, node: str) -> None:
        self._writes = FencedWrites(fence)
        self._storage = storage
        self._node = node
        self._swapping = asyncio.Lock()

    async def put(self, graph: JobGraph) -> None:
        job_id = JobID.parse(graph.job_id)
        what = f"The graph of job {job_id}"
        self._writes.check(what)
        data = await self._storage.write(DataKind.JOB_GRAPH, job_id, graph.SerializeToString())
        _DATA_WRITTEN.reach()
        path = self._path(job_id)
        async with self._storage.pointing_at(data.file), self._swapping:
            await self._writes.ensure(self._node)
            found = await self._writes.find(path)
            await self._writes.write(path, encode_graph(data), None if found is None else found[1].version, what)
        _KEPT.reach()
        if found is not None:
            await self._discard_target(found[0], path)

    async def job_ids(self) -> list[JobID]:
        return await self._writes.job_ids(self._node)

    async def get(self, job_id: JobID) -> JobGraph:
        path = self._path(job_id)
        found = await self._writes.latest(lambda: self._writes.find(path))
        while found is not None:
            data = decode_graph(found[0], path)
            try:
                return _parse(await self._storage.read(DataKind.JOB_GRAPH, data), job_id, data.file)
            except UnreadableDataError:
                newer = await self._writes.find(path)
                if newer is not None and newer[0] == found[0]:
                    raise
                found = newer  # the graph was replaced, and the old file deleted, between the two reads
        raise JobNotFoundError(f"No graph is kept of a job {job_id}.")

    async def remove(self, job_id: JobID) -> None:
        path = self._path(job_id)
        what = f"The removal of the graph of job {job_id}"
        self._writes.check(what)
        async with self._swapping:
            found = await self._writes.find(path)
            if found is None:
                return
            await self._writes.delete(path, found[1].version, what)
        _POINTER_REMOVED.reach()
        await self._discard_target(found[0], path)

    def _path(self, job_id: JobID) -> str:
        return f"{self._node}/{job_id}"

    async def _discard_target(self, pointer: bytes, path: str) -> None:
        try:
            file = decode_graph(pointer, path).file
        except MalformedPointerError as error:
            logger.warning("What the node led to before it was replaced or removed is not known: %s", error)
        else:
            await self._storage.discard(file)


def _parse(data: bytes, job_id: JobID, file: str) -> JobGraph:
    try:
        graph = JobGraph.FromString(data)
    except DecodeError as error:
        raise UnreadableDataError(f"The job graph in {file} cannot be read: its message is malformed.") from error
    if graph.job_id != job_id:
        raise UnreadableDataError(f"The job graph in {file} is that of job {graph.job_id}, not of {job_id}.")
    return graph
