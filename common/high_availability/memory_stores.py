"""What a master knows that has no successor: kept in its memory, and gone with it.

The stores behave as those in ZooKeeper do: what was put is a copy, and what is got is another one.
"""

from __future__ import annotations

from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["MemoryCheckpointPointers", "MemoryJobGraphStore", "MemoryJobResultStore"]


class MemoryJobGraphStore:
    """Implements :class:`~millstream.common.high_availability.job_graph_store.JobGraphStore`."""

    def __init__(self) -> None:
        self._graphs: dict[JobID, bytes] = {}

    async def put(self, graph: JobGraph) -> None:
        self._graphs[JobID(graph.job_id)] = graph.SerializeToString()

    async def job_ids(self) -> list[JobID]:
        return sorted(self._graphs)

    async def get(self, job_id: JobID) -> JobGraph:
        try:
            return JobGraph.FromString(self._graphs[job_id])
        except KeyError:
            raise JobNotFoundError(f"No graph is kept of a job {job_id}.") from None

    async def remove(self, job_id: JobID) -> None:
        self._graphs.pop(job_id, None)


class MemoryJobResultStore:
    """Implements :class:`~millstream.common.high_availability.job_result_store.JobResultStore`."""

    def __init__(self) -> None:
        self._results: dict[JobID, bytes] = {}  # in the order in which the jobs ended
        self._dirty: set[JobID] = set()

    async def put_dirty(self, details: JobDetails) -> None:
        job_id = JobID(details.summary.job_id)
        if job_id in self._results:
            return  # the first account of a job's end holds, as it does where others may have read it
        self._results[job_id] = details.SerializeToString()
        self._dirty.add(job_id)

    async def mark_clean(self, job_id: JobID) -> None:
        self._dirty.discard(job_id)

    async def dirty(self) -> list[JobDetails]:
        return [JobDetails.FromString(result) for job_id, result in self._results.items() if job_id in self._dirty]

    async def all(self) -> list[JobDetails]:
        return [JobDetails.FromString(result) for result in self._results.values()]

    async def get(self, job_id: JobID) -> JobDetails | None:
        result = self._results.get(job_id)
        return None if result is None else JobDetails.FromString(result)

    async def forget(self, job_id: JobID) -> None:
        if job_id in self._dirty:
            raise MillstreamError(f"The result of job {job_id} is still needed: the job is not cleaned up yet.")
        self._results.pop(job_id, None)


class MemoryCheckpointPointers:
    """Implements :class:`~millstream.common.high_availability.checkpoint_pointers.CheckpointPointers`."""

    def __init__(self) -> None:
        self._pointers: dict[int, CheckpointPointer] = {}
        self._next_id = 1

    async def all(self) -> list[CheckpointPointer]:
        return [self._pointers[checkpoint_id] for checkpoint_id in sorted(self._pointers)]

    async def next_id(self) -> int:
        return self._next_id

    async def reserve(self, checkpoint_id: int) -> None:
        if checkpoint_id < self._next_id:
            raise MillstreamError(f"The checkpoint id {checkpoint_id} is taken; the next free one is {self._next_id}.")
        self._next_id = checkpoint_id + 1

    async def add(self, pointer: CheckpointPointer) -> None:
        known = self._pointers.setdefault(pointer.checkpoint_id, pointer)
        if known != pointer:
            raise MillstreamError(f"There is a checkpoint {pointer.checkpoint_id} already, in {known.directory}.")

    async def remove(self, checkpoint_id: int) -> None:
        self._pointers.pop(checkpoint_id, None)
