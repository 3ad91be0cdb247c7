"""The part of a checkpoint that a task writes while it works on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, Future

from millstream.common.wire.checkpoint_pb2 import OperatorSubtaskState
from millstream.taskmanager.operators.operator import OperatorInfo
from millstream.taskmanager.state.operator_states import RunningOperatorSnapshot
from millstream.taskmanager.task.operator_failures import state_failure
from millstream.taskmanager.task.snapshot_storage import TaskStreams

__all__ = ["RunningCheckpoint"]


class RunningCheckpoint:
    """The snapshots of a task's operators, on their way to the storage.

    :ivar checkpoint_id: the checkpoint that they belong to.
    """

    def __init__(
        self,
        checkpoint_id: int,
        snapshots: Sequence[tuple[OperatorInfo, RunningOperatorSnapshot]],
        streams: TaskStreams,
    ) -> None:
        self.checkpoint_id = checkpoint_id
        self._snapshots = snapshots
        self._streams = streams
        self._futures: list[Future[OperatorSubtaskState]] = []

    async def write(self, executor: Executor) -> dict[str, OperatorSubtaskState]:
        """Write all in threads; return the state of each operator, by its id.

        :raises Exception: one of them could not be written; the others are given up.
        """
        for _, snapshot in self._snapshots:
            self._futures.append(executor.submit(snapshot.write, self._streams))
        waiting = [asyncio.wrap_future(future) for future in self._futures]
        try:
            if waiting:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for each in waiting:
                each.cancel()
        states: dict[str, OperatorSubtaskState] = {}
        failed: Exception | None = None
        for (info, _), each in zip(self._snapshots, waiting, strict=True):
            # Looked at rather than raised: whatever a user's value raises, SystemExit too, is only this failure.
            error = None if each.cancelled() else each.exception()
            if error is not None and failed is None:
                failed = state_failure(
                    error,
                    info,
                    "snapshot",
                    f"the state of operator {info.name!r} was not written for checkpoint {self.checkpoint_id}",
                )
            elif error is None and not each.cancelled():
                states[info.operator_id] = each.result()
        if failed is not None:
            self.discard()
            raise failed
        return states

    def discard(self) -> None:
        """Give up what was not written."""
        for future in self._futures:
            future.cancel()
        self._streams.abort()
        for _, snapshot in self._snapshots:
            snapshot.discard()

    def futures(self) -> list[Future[OperatorSubtaskState]]:
        """The threads' work that is not done."""
        return [future for future in self._futures if not future.done()]
