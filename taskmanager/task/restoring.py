"""Giving the operators of a task the state that they go on from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from millstream.common.checkpoint.streams import StateReader
from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.wire.checkpoint_pb2 import ChannelStateHandle, OperatorSubtaskState
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.taskmanager.network.channel_replay import ChannelReplay
from millstream.taskmanager.operators.operator import OperatorInfo
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.task.chain import Chain, TaskServices
from millstream.taskmanager.task.operator_failures import state_failure

__all__ = ["read_channels", "restore_states"]

_log = logging.getLogger(__name__)

_OPERATOR_RESTORED: Final = FaultPoint(
    "taskmanager.operator-restored", "one operator of a task has its state, others may not have it", MillstreamError
)

_READERS_END_S = 10.0
"""How long a task that ends waits for the threads that read its state."""


async def read_channels(deployment: TaskDeployment, services: TaskServices) -> ChannelReplay:
    """Read, in a thread, what was under way to the task.

    :raises MillstreamError: it cannot be read.
    """
    replay = services.exchange.create_replay(deployment)
    handles = deployment.restore.channels
    if handles:
        reader = services.storage.reader(deployment.restore.checkpoint_id)
        parts = await asyncio.wrap_future(services.executor.submit(_read_parts, handles, reader))
        for handle, data in zip(handles, parts, strict=True):
            replay.add(handle, data)
    return replay


def _read_parts(handles: Sequence[ChannelStateHandle], reader: StateReader) -> list[bytes]:
    whole: dict[str, bytes] = {}  # a task's channels are in one file
    parts: list[bytes] = []
    for handle in handles:
        path = handle.bytes.path
        data = whole.get(path) if path else None
        if data is None:
            data = reader.read(handle.bytes)
            if path:
                whole[path] = data
        parts.append(data[handle.offset : handle.offset + handle.length])
    return parts


def _restore(states: OperatorStates, state: OperatorSubtaskState, reader: StateReader) -> None:
    states.restore(state, reader)
    _OPERATOR_RESTORED.reach()


async def restore_states(chain: Chain, deployment: TaskDeployment, services: TaskServices) -> None:
    """Read the state of all operators, in threads.

    :raises Exception: that of an operator cannot be restored.
    """
    restore = deployment.restore
    reader = services.storage.reader(restore.checkpoint_id)
    jobs: list[tuple[OperatorInfo, Future[None]]] = [
        (info, services.executor.submit(_restore, states, restore.operators[info.operator_id], reader))
        for info, states in chain.states
        if info.operator_id in restore.operators
    ]
    if not jobs:
        return
    waiting = [asyncio.wrap_future(future) for _, future in jobs]
    try:
        await asyncio.wait(waiting)
    except asyncio.CancelledError:
        for _, future in jobs:
            future.cancel()
        # A thread that reads cannot be stopped, and what it fills must not be closed under it.
        done, _ = await asyncio.wait(waiting, timeout=_READERS_END_S)
        for each in done:
            if not each.cancelled() and each.exception() is not None:
                _log.debug("state was not restored when the task was cancelled", exc_info=each.exception())
        raise
    failed: Exception | None = None
    for (info, _), each in zip(jobs, waiting, strict=True):
        error = each.exception()  # looked at rather than raised: it may be anything
        if error is not None and failed is None:
            message = f"operator {info.name!r} cannot go on from checkpoint {restore.checkpoint_id}"
            failed = state_failure(error, info, "restore", message)
    if failed is not None:
        raise failed
