"""Job results: a pointer in ZooKeeper with what became of a job in short, to a file with the whole report."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from google.protobuf.message import DecodeError

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.data_frame import DataKind, UnreadableDataError
from millstream.common.high_availability.zookeeper.fence import Fence
from millstream.common.high_availability.zookeeper.fenced_writes import FencedWrites
from millstream.common.high_availability.zookeeper.pointer_format import ResultPointer, decode_result, encode_result
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage, StoredData
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary

__all__ = ["ZooKeeperJobResultStore"]

logger = logging.getLogger(__name__)

_DATA_WRITTEN = FaultPoint("ha.job-result-written", "the file of a job's result is there, no pointer leads to it")
_KEPT = FaultPoint("ha.job-result-kept", "a job's result is kept, and dirty; nobody was told")
_CLEAN = FaultPoint("ha.job-result-clean", "a job's result is marked as clean, nobody was told")
_POINTER_REMOVED = FaultPoint("ha.job-result-pointer-removed", "a job's result is forgotten, its file is still there")


class ZooKeeperJobResultStore:
    """Implements :class:`~millstream.common.high_availability.job_result_store.JobResultStore`.

    The first account of a job's end holds; a later one of the same job is not kept.
    """

    def __init__(self, fence: Fence, storage: HighAvailabilityStorage) -> None:
        self._writes = FencedWrites(fence)
        self._storage = storage
        self._writing = asyncio.Lock()

    async def put_dirty(self, details: JobDetails) -> None:
        summary = details.summary
        job_id = JobID.parse(summary.job_id)
        what = f"The result of job {job_id}"
        self._writes.check(what)
        path = paths.result(job_id)
        if await self._writes.find(path) is not None:
            return
        data = await self._storage.write(DataKind.JOB_RESULT, job_id, details.SerializeToString())
        _DATA_WRITTEN.reach()
        pointer = encode_result(ResultPointer(data, summary.state, True, summary.end_time_ms))
        async with self._storage.pointing_at(data.file), self._writing:
            await self._writes.ensure(paths.RESULTS)
            if await self._writes.find(path) is not None:
                await self._storage.discard(data.file)
                return
            await self._writes.write(path, pointer, None, what)
        _KEPT.reach()

    async def mark_clean(self, job_id: JobID) -> None:
        path = paths.result(job_id)
        what = f"The mark that job {job_id} is cleaned up"
        self._writes.check(what)
        async with self._writing:
            found = await self._writes.find(path)
            if found is None:
                return
            pointer = decode_result(found[0], path)
            if not pointer.dirty:
                return
            clean = encode_result(dataclasses.replace(pointer, dirty=False))
            await self._writes.write(path, clean, found[1].version, what)
        _CLEAN.reach()

    async def dirty(self) -> list[JobDetails]:
        return await self._outlines([each for each in await self._pointers() if each[1].dirty])

    async def all(self) -> list[JobDetails]:
        return await self._outlines(await self._pointers())

    async def get(self, job_id: JobID) -> JobDetails | None:
        """Return the result of a job; see the protocol.

        :raises UnreadableDataError: the job has ended, but its result cannot be read.
        """
        path = paths.result(job_id)
        found = await self._writes.latest(lambda: self._writes.find(path))
        if found is None:
            return None
        try:
            return await self._details(job_id, decode_result(found[0], path).data)
        except UnreadableDataError:
            if await self._writes.find(path) is None:
                return None  # forgotten between the two reads
            raise

    async def forget(self, job_id: JobID) -> None:
        path = paths.result(job_id)
        what = f"That the result of job {job_id} is forgotten"
        self._writes.check(what)
        async with self._writing:
            found = await self._writes.find(path)
            if found is None:
                return
            pointer = decode_result(found[0], path)
            if pointer.dirty:
                raise MillstreamError(f"The result of job {job_id} is still needed: the job is not cleaned up yet.")
            await self._writes.delete(path, found[1].version, what)
        _POINTER_REMOVED.reach()
        await self._storage.discard(pointer.data.file)

    async def _pointers(self) -> list[tuple[JobID, ResultPointer]]:
        """All pointers, in the order in which the jobs ended."""
        job_ids = await self._writes.job_ids(paths.RESULTS)
        found = await asyncio.gather(*map(self._pointer, job_ids))
        pointers = [(job_id, each) for job_id, each in zip(job_ids, found, strict=True) if each is not None]
        return sorted(pointers, key=lambda each: (each[1].ended_ms, each[0]))

    async def _pointer(self, job_id: JobID) -> ResultPointer | None:
        path = paths.result(job_id)
        found = await self._writes.find(path)
        return None if found is None else decode_result(found[0], path)

    async def _outlines(self, pointers: list[tuple[JobID, ResultPointer]]) -> list[JobDetails]:
        """The reports; there may be many, and a new leader waits for them, so they are read side by side."""
        return await asyncio.gather(*(self._outline(job_id, pointer) for job_id, pointer in pointers))

    async def _outline(self, job_id: JobID, pointer: ResultPointer) -> JobDetails:
        """The whole report; what the pointer tells if it cannot be read: that the job ended must not be forgotten."""
        try:
            return await self._details(job_id, pointer.data)
        except UnreadableDataError as error:
            logger.error(  # noqa: TRY400  # the message says it all
                "Of job %s nothing is known but that it is %s: %s", job_id, pointer.state, error
            )
            return JobDetails(
                summary=JobSummary(
                    job_id=job_id, name="(unreadable)", state=pointer.state, end_time_ms=pointer.ended_ms
                )
            )

    async def _details(self, job_id: JobID, data: StoredData) -> JobDetails:
        contents = await self._storage.read(DataKind.JOB_RESULT, data)
        try:
            details = JobDetails.FromString(contents)
        except DecodeError as error:
            raise UnreadableDataError(
                f"The job result in {data.file} cannot be read: its message is malformed."
            ) from error
        if details.summary.job_id != job_id:
            raise UnreadableDataError(
                f"The job result in {data.file} is that of job {details.summary.job_id}, not of {job_id}."
            )
        return details
