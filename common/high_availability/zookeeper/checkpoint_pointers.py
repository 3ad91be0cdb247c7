"""Where the completed checkpoints of one job are, and which id comes next, in ZooKeeper."""

from __future__ import annotations

import asyncio

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import (
    DeleteNode,
    NodeExistsError,
    NodeMissingError,
    NodeNotEmptyError,
)
from millstream.common.high_availability.zookeeper.fence import Fence
from millstream.common.high_availability.zookeeper.fenced_writes import FencedWrites
from millstream.common.high_availability.zookeeper.pointer_format import (
    decode_checkpoint,
    decode_checkpoint_id,
    encode_checkpoint,
)
from millstream.common.ids import JobID

__all__ = ["ZooKeeperCheckpointPointers"]

_MOST_AT_ONCE = 1000
"""Nodes in one request, which must be smaller than a megabyte."""

_RESERVED = FaultPoint("ha.checkpoint-id-reserved", "a checkpoint's id is reserved, nothing else of it is there")
_ADDED = FaultPoint("ha.checkpoint-pointer-added", "a checkpoint is complete, nobody was told")
_REMOVED = FaultPoint("ha.checkpoint-pointer-removed", "nobody goes on from a checkpoint, its files are still there")
_CLEARED = FaultPoint("ha.checkpoint-pointers-cleared", "a job's checkpoints are forgotten, nobody was told")


class ZooKeeperCheckpointPointers:
    """Implements :class:`~millstream.common.high_availability.checkpoint_pointers.CheckpointPointers`.

    There is one for each job and term: it remembers which id comes next.
    """

    def __init__(self, fence: Fence, job_id: JobID) -> None:
        self._writes = FencedWrites(fence)
        self._job_id = job_id
        self._counting = asyncio.Lock()
        self._counter: tuple[int, int | None] | None = None
        """The next id and the version of its node (``None``: there is none yet), once they are known for certain."""
        self._has_room = False

    async def all(self) -> list[CheckpointPointer]:
        directory = paths.checkpoints(self._job_id)
        pointers = []
        for name in await self._writes.latest(lambda: self._writes.children(directory)):
            node = f"{directory}/{name}"
            found = await self._writes.find(node)
            if found is not None:
                pointers.append(decode_checkpoint(found[0], node))
        return sorted(pointers, key=lambda pointer: pointer.checkpoint_id)

    async def next_id(self) -> int:
        async with self._counting:
            return (await self._next())[0]

    async def reserve(self, checkpoint_id: int) -> None:
        what = f"The reservation of checkpoint id {checkpoint_id} of job {self._job_id}"
        self._writes.check(what)
        async with self._counting:
            next_id, version = await self._next()
            if checkpoint_id < next_id:
                raise MillstreamError(
                    f"The checkpoint id {checkpoint_id} of job {self._job_id} is taken; the next free one is {next_id}."
                )
            node, contents = paths.checkpoint_id_counter(self._job_id), b"%d" % (checkpoint_id + 1)
            await self._make_room()
            self._counter = None  # unless this goes well, it has to be read again
            await self._writes.write(node, contents, version, what)
            self._counter = (checkpoint_id + 1, 0 if version is None else version + 1)
        _RESERVED.reach()

    async def add(self, pointer: CheckpointPointer) -> None:
        what = f"The completion of checkpoint {pointer.checkpoint_id} of job {self._job_id}"
        self._writes.check(what)
        node, contents = paths.checkpoint(self._job_id, pointer.checkpoint_id), encode_checkpoint(pointer)
        await self._make_room()
        try:
            await self._writes.write(node, contents, None, what)
        except NodeExistsError as error:
            found = await self._writes.find(node)
            if found is None or found[0] != contents:
                raise MillstreamError(
                    f"There is a checkpoint {pointer.checkpoint_id} of job {self._job_id} already, at {node} in "
                    "ZooKeeper; ids must not be given twice."
                ) from error
        _ADDED.reach()

    async def remove(self, checkpoint_id: int) -> None:
        node = paths.checkpoint(self._job_id, checkpoint_id)
        await self._delete([node], f"The removal of checkpoint {checkpoint_id} of job {self._job_id}")
        _REMOVED.reach()

    async def clear(self) -> None:
        """Forget the job: its pointers and its counter. May be repeated.

        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: something of it is still there.
        """
        what = f"The removal of all checkpoints of job {self._job_id}"
        self._writes.check(what)
        async with self._counting:
            self._counter, self._has_room = None, False
            job, directory = paths.job(self._job_id), paths.checkpoints(self._job_id)
            nodes = [f"{directory}/{name}" for name in await self._writes.children(directory)]
            nodes += [directory, paths.checkpoint_id_counter(self._job_id), job]
            for begin in range(0, len(nodes), _MOST_AT_ONCE):
                await self._delete(nodes[begin : begin + _MOST_AT_ONCE], what)
        _CLEARED.reach()

    async def _make_room(self) -> None:
        """Make the nodes that are above all others, if need be."""
        if not self._has_room:
            await self._writes.ensure(paths.checkpoints(self._job_id))
            self._has_room = True

    async def _delete(self, nodes: list[str], what: str) -> None:
        """Delete those nodes that are there, all at once."""
        self._writes.check(what)
        while there := [node for node in nodes if await self._writes.find(node) is not None]:
            last = there[-1]

            async def is_done(node: str = last) -> bool:
                return await self._writes.find(node) is None

            try:
                await self._writes.commit([DeleteNode(node) for node in there], is_done, what)
                return
            except NodeMissingError:
                pass  # one of them was removed meanwhile
            except NodeNotEmptyError as error:
                raise MillstreamError(f"{what} is not possible: there is something new below it.") from error

    async def _next(self) -> tuple[int, int | None]:
        if self._counter is None:
            node = paths.checkpoint_id_counter(self._job_id)
            found = await self._writes.latest(lambda: self._writes.find(node))
            self._counter = (1, None) if found is None else (decode_checkpoint_id(found[0], node), found[1].version)
        return self._counter
