"""The part of a checkpoint that a task writes while it works on."""

from __future__ import annotations

import asyncio
import logging
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future

from millstream.common.errors import MillstreamError
from millstream.common.wire.checkpoint_pb2 import ChannelStateHandle, OperatorSubtaskState, StateBytes
from millstream.taskmanager.exchange import UnderWay
from millstream.taskmanager.operators.operator import OperatorInfo
from millstream.taskmanager.state.operator_states import RunningOperatorSnapshot
from millstream.taskmanager.task.operator_failures import state_failure
from millstream.taskmanager.task.snapshot_storage import TaskStreams

__all__ = ["RunningCheckpoint"]

_log = logging.getLogger(__name__)


class RunningCheckpoint:
    """The snapshots of a task's operators, on their way to the storage.

    :ivar checkpoint_id: the checkpoint that they belong to.
    :ivar settling: what is written is not known yet; nothing is being written.
    """

    def __init__(
        self,
        checkpoint_id: int,
        snapshots: Sequence[tuple[OperatorInfo, RunningOperatorSnapshot]],
        open_streams: Callable[[], TaskStreams],
        executor: Executor,
    ) -> None:
        """:param open_streams: called in a thread, once."""
        self.checkpoint_id = checkpoint_id
        self.settling = False
        self._snapshots = snapshots
        self._open_streams = open_streams
        self._executor = executor
        self._streams: TaskStreams | None = None
        self._lock = threading.Lock()
        self._discarded = False
        self._futures: list[Future[OperatorSubtaskState] | Future[StateBytes]] = []

    async def write(self) -> dict[str, OperatorSubtaskState]:
        """Write all in threads; return the state of each operator, by its id.

        :raises Exception: one of them could not be written; the others are given up.
        """
        futures = [self._executor.submit(self._write_one, snapshot) for _, snapshot in self._snapshots]
        self._futures.extend(futures)
        waiting = [asyncio.wrap_future(future) for future in futures]
        if waiting:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        states: dict[str, OperatorSubtaskState] = {}
        failed: Exception | None = None
        for (info, _), each in zip(self._snapshots, waiting, strict=True):
            if not each.done():
                each.cancel()
            elif not each.cancelled():
                # Looked at rather than raised: whatever a user's value raises, SystemExit too, is only this failure.
                error = each.exception()
                if error is None:
                    states[info.operator_id] = each.result()
                elif failed is None:
                    message = f"the state of operator {info.name!r} was not written for checkpoint {self.checkpoint_id}"
                    failed = state_failure(error, info, "snapshot", message)
        if failed is not None:
            self.discard()
            raise failed
        return states

    async def write_channels(self, under_way: Sequence[UnderWay]) -> list[ChannelStateHandle]:
        """Write what was under way, in a thread; return where it is.

        :raises Exception: it could not be written; everything is given up.
        """
        if not under_way:
            return []
        chunks = [chunk for each in under_way for chunk in each.chunks]
        future = self._executor.submit(lambda: self._open().write("channels", chunks))
        self._futures.append(future)
        try:
            stored = await asyncio.wrap_future(future)
        except Exception:
            self.discard()
            raise
        handles: list[ChannelStateHandle] = []
        offset = 0
        for each in under_way:
            length = sum(map(len, each.chunks))
            handles.append(
                ChannelStateHandle(
                    edge_id=each.edge_id,
                    producer_subtask=each.producer_subtask,
                    consumer_subtask=each.consumer_subtask,
                    overtaken_output=each.overtaken,
                    bytes=stored if stored.path else _inline(stored, offset, length),
                    offset=offset if stored.path else 0,
                    length=length,
                )
            )
            offset += length
        return handles

    def _write_one(self, snapshot: RunningOperatorSnapshot) -> OperatorSubtaskState:
        return snapshot.write(self._open())

    def _open(self) -> TaskStreams:
        with self._lock:
            if self._discarded:
                raise MillstreamError(f"checkpoint {self.checkpoint_id} is not wanted any more")
            if self._streams is None:
                self._streams = self._open_streams()
            return self._streams

    def discard(self) -> None:
        """Give up what was not written, and delete what was."""
        if self._discarded:
            return
        self._discarded = True
        for future in self._futures:
            future.cancel()
        for _, snapshot in self._snapshots:
            snapshot.discard()
        if self._futures:
            self._executor.submit(self._abort_streams)

    def _abort_streams(self) -> None:
        with self._lock:
            streams = self._streams
        if streams is not None:
            try:
                streams.abort()
            except (MillstreamError, OSError) as error:
                _log.warning("files of checkpoint %d, which was given up, are left: %s", self.checkpoint_id, error)


def _inline(stored: StateBytes, offset: int, length: int) -> StateBytes:
    part = stored.inline[offset : offset + length]
    return StateBytes(inline=part, size=length, crc32=zlib.crc32(part))
