"""How one task takes a checkpoint: a short pause in which its operators' state is held fast, then the writing beside
its work, then the acknowledgement.

Whatever goes wrong in it declines the checkpoint, with the operator and the user's line, and the task works on: a
checkpoint that fails costs nothing but itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import Final, TypeVar

from millstream.common.config import CheckpointingOptions
from millstream.common.failure import ENGINE, FailureInfo, engine_failure, first_line
from millstream.common.fault_points import FaultPoint
from millstream.common.records import CheckpointBarrier
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointOptions,
    SubtaskCheckpointMetrics,
    TaskSnapshot,
)
from millstream.common.wire.cluster_pb2 import CheckpointAcknowledgement, CheckpointDecline
from millstream.taskmanager.exchange import UnderWay
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, OperatorInfo, TaskInfo
from millstream.taskmanager.state.operator_states import RunningOperatorSnapshot
from millstream.taskmanager.state.snapshot import CANONICAL, SnapshotOptions
from millstream.taskmanager.task.chain import Chain, TaskServices
from millstream.taskmanager.task.input_under_way import KeptInput
from millstream.taskmanager.task.operator_failures import state_failure
from millstream.taskmanager.task.running_checkpoint import RunningCheckpoint
from millstream.taskmanager.task.source_driver import SourceDriver
from millstream.taskmanager.task.task_metrics import Arrival
from millstream.taskmanager.task.task_reports import TaskReports
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError, build_failure

__all__ = ["SNAPSHOT_STORED", "SubtaskCheckpoints"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PREPARED: Final = FaultPoint(
    "taskmanager.checkpoint-prepared", "a task's operators are ready for a checkpoint, no barrier is sent on"
)
_BARRIERS_SENT: Final = FaultPoint(
    "taskmanager.barriers-sent", "a checkpoint's barriers are sent on, nothing of the task's state is held for it"
)
_STATE_HELD: Final = FaultPoint(
    "taskmanager.state-held", "a task's state is held fast for a checkpoint, nothing of it is stored"
)
SNAPSHOT_STORED: Final = FaultPoint(
    "taskmanager.snapshot-stored", "a task's part of a checkpoint is stored, and not acknowledged yet"
)

_WRITERS_END_S = 5.0
"""How long a task that ends waits for the threads that write for it, once they were told to give up."""


@dataclass(frozen=True, slots=True)
class _Flow:
    """What is to be known of a checkpoint besides its operators' state.

    :ivar deadline_ms: when barriers have been in line for long enough, by the job's clock.
    """

    kept: asyncio.Future[KeptInput] | None
    overtaken: list[UnderWay]
    deadline_ms: int | None


class SubtaskCheckpoints:
    """Takes the checkpoints of one task.

    :ivar last_arrival: how the latest one came; ``None``: there was none.
    """

    def __init__(self, task: TaskInfo, chain: Chain, services: TaskServices, reports: TaskReports) -> None:
        self.last_arrival: Arrival | None = None
        self._task = task
        self._chain = chain
        self._services = services
        self._reports = reports
        self._running: dict[int, RunningCheckpoint] = {}
        self._writers: dict[int, asyncio.Task[None]] = {}

    @property
    def is_writing(self) -> bool:
        """Some checkpoint was taken and is not acknowledged yet."""
        return bool(self._running)

    # ---------------------------------------------------------------- the pause

    @property
    def subtask_index(self) -> int:
        """Whose checkpoints they are."""
        return self._task.subtask_index

    def take(
        self,
        barrier: CheckpointBarrier,
        options: CheckpointOptions,
        arrival: Arrival,
        *,
        final: bool,
        finished: bool,
        kept: asyncio.Future[KeptInput] | None = None,
    ) -> bool:
        """Take a checkpoint now, and send its barrier on. False: it was declined.

        :param final: the task takes no further input if the checkpoint is complete.
        :param finished: it has processed all of its input.
        :param kept: of an unaligned checkpoint: gives what of the input belongs to it, in time.
        :raises Exception: not the checkpoint, but the task itself cannot go on.
        """
        began = perf_counter_ns()
        checkpoint_id = barrier.checkpoint_id
        self.last_arrival = arrival
        savepoint = options.kind not in ("", "CHECKPOINT")
        snapshots: list[tuple[OperatorInfo, RunningOperatorSnapshot]] = []
        try:
            self._prepare(CheckpointInfo(checkpoint_id, barrier.timestamp, savepoint=savepoint, final=final))
        except Exception as error:  # noqa: BLE001  # the checkpoint fails with it, the task does not
            self.fail(checkpoint_id, error)
            return False
        _PREPARED.reach()
        overtaken: list[UnderWay] = []
        # Aligned as long as that goes: what is late is let out of the line, by this task's clock.
        timed = kept is None and options.aligned_timeout_ms > 0 and not savepoint
        try:
            for edge in self._chain.edges:
                if kept is not None:
                    overtaken += edge.overtake(barrier)
                elif timed:
                    edge.announce(barrier)
                else:
                    edge.broadcast(barrier)
        except UserCodeError as error:
            if kept is None:
                raise
            self.fail(checkpoint_id, error)  # what waits in the queues cannot be stored; it can still be processed
            return False
        _BARRIERS_SENT.reach()
        try:
            self._start_snapshots(self._snapshot_options(checkpoint_id, options, savepoint=savepoint), snapshots)
        except BaseException as error:  # the same; an interrupt is raised again
            for _, snapshot in snapshots:
                snapshot.discard()
            if not isinstance(error, Exception):
                raise
            self.fail(checkpoint_id, error)
            return False
        _STATE_HELD.reach()
        pause = perf_counter_ns() - began
        metrics = SubtaskCheckpointMetrics(
            sync_us=pause // 1_000,
            sync_ms=pause // 1_000_000,
            alignment_ms=arrival.alignment_ns // 1_000_000,
            start_delay_ms=arrival.start_delay_ms,
            bytes_processed=arrival.bytes_processed,
            unaligned=kept is not None,
        )
        services = self._services
        running = RunningCheckpoint(
            checkpoint_id, snapshots, partial(services.storage.streams, checkpoint_id, options), services.executor
        )
        deadline = barrier.timestamp + options.aligned_timeout_ms if timed else None
        self._write(running, metrics, _Flow(kept, overtaken, deadline), finished=finished)
        return True

    def _prepare(self, checkpoint: CheckpointInfo) -> None:
        source = self._chain.source
        if source is not None and source.opened:
            self._call_source(source, "snapshot_state", lambda: source.prepare_snapshot(checkpoint))
        for node in self._chain.nodes:
            node.prepare_snapshot(checkpoint)

    def _start_snapshots(
        self, options: SnapshotOptions, snapshots: list[tuple[OperatorInfo, RunningOperatorSnapshot]]
    ) -> None:
        for info, states in self._chain.states:
            try:
                snapshot = call_user_code(
                    self._services.section,
                    partial(states.start_snapshot, options),
                    lambda _, info=info: FailureSite(info, "snapshot"),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                )
            except UserCodeError as error:
                message = f"the state of operator {info.name!r} cannot be held for checkpoint {options.checkpoint_id}"
                raise state_failure(error.error, info, "snapshot", message) from error.error
            if not snapshot.is_empty:
                snapshots.append((info, snapshot))

    def _snapshot_options(self, checkpoint_id: int, options: CheckpointOptions, *, savepoint: bool) -> SnapshotOptions:
        configuration = self._services.configuration
        incremental = configuration.get(CheckpointingOptions.INCREMENTAL)
        return SnapshotOptions(
            checkpoint_id=checkpoint_id,
            format=options.format or CANONICAL,
            full=options.full,
            incremental=incremental and bool(options.shared_directory) and not savepoint,
            compressed=configuration.get(CheckpointingOptions.SNAPSHOT_COMPRESSION),
            savepoint=savepoint,
        )

    # ---------------------------------------------------------------- the writing

    def _write(
        self, running: RunningCheckpoint, metrics: SubtaskCheckpointMetrics, flow: _Flow, *, finished: bool
    ) -> None:
        checkpoint_id = running.checkpoint_id
        self._running[checkpoint_id] = running
        writer = asyncio.get_running_loop().create_task(
            self._write_out(running, metrics, flow, finished=finished), name=f"checkpoint {checkpoint_id}"
        )
        self._writers[checkpoint_id] = writer
        writer.add_done_callback(lambda _: self._writers.pop(checkpoint_id, None))

    async def _write_out(
        self, running: RunningCheckpoint, metrics: SubtaskCheckpointMetrics, flow: _Flow, *, finished: bool
    ) -> None:
        began = perf_counter_ns()
        checkpoint_id = running.checkpoint_id
        try:
            states = await running.write()
            under_way = await self._settle(running, metrics, flow)
            channels = await running.write_channels(under_way)
            SNAPSHOT_STORED.reach()
        except Exception as error:  # noqa: BLE001  # the checkpoint fails with it, the task does not
            if self._running.pop(checkpoint_id, None) is not None:
                self.fail(checkpoint_id, error)
            return
        if self._running.pop(checkpoint_id, None) is None:
            return  # given up meanwhile
        metrics.async_ms = (perf_counter_ns() - began) // 1_000_000
        for state in states.values():
            metrics.checkpointed_size += sum(handle.new_size for handle in state.keyed)
            metrics.full_size += sum(handle.full_size for handle in state.keyed)
            size = sum(handle.bytes.size for handle in state.operator)
            metrics.checkpointed_size += size
            metrics.full_size += size
        size = sum(channel.length for channel in channels)
        metrics.bytes_persisted = size
        metrics.checkpointed_size += size
        metrics.full_size += size
        self.acknowledge(checkpoint_id, TaskSnapshot(operators=states, channels=channels, finished=finished), metrics)

    async def _settle(
        self, running: RunningCheckpoint, metrics: SubtaskCheckpointMetrics, flow: _Flow
    ) -> list[UnderWay]:
        """Wait until it is known what was under way."""
        running.settling = True
        under_way = flow.overtaken
        if flow.kept is not None:
            kept = await flow.kept
            if kept.error is not None:
                raise kept.error
            metrics.alignment_ms = kept.alignment_ns // 1_000_000
            under_way = [*kept.channels, *under_way]
        if flow.deadline_ms is not None:
            for edge in self._chain.edges:
                late_in_s = max(0, flow.deadline_ms - self._services.clock.now_ms()) / 1000
                try:
                    await asyncio.wait_for(edge.wait_sent(running.checkpoint_id), late_in_s)
                except asyncio.TimeoutError:  # not the builtin in Python 3.10
                    metrics.unaligned = True
                    under_way += edge.expedite(running.checkpoint_id)
        running.settling = False
        return under_way

    def acknowledge(self, checkpoint_id: int, snapshot: TaskSnapshot, metrics: SubtaskCheckpointMetrics) -> None:
        """Report that the task's part is stored."""
        self._reports.acknowledge(
            CheckpointAcknowledgement(
                attempt_id=self._task.attempt_id, checkpoint_id=checkpoint_id, snapshot=snapshot, metrics=metrics
            )
        )

    # ---------------------------------------------------------------- what becomes of it

    def give_up(self, checkpoint_id: int) -> None:
        """The checkpoint is not wanted any more: write nothing more for it, and report nothing."""
        running = self._running.pop(checkpoint_id, None)
        if running is not None:
            self._discard(running)

    def give_up_before(self, checkpoint_id: int) -> None:
        """A checkpoint is complete, so no earlier one is wanted."""
        for earlier in [each for each in self._running if each < checkpoint_id]:
            self.give_up(earlier)

    def decline(self, checkpoint_id: int, reason: str) -> None:
        """Report that the task takes no part in a checkpoint."""
        failure = engine_failure(ENGINE, reason, exception_type="CheckpointDeclinedError")
        failure.task_name = f"{self._task.task_name} ({self._task.subtask_index + 1}/{self._task.parallelism})"
        failure.vertex_id = self._task.vertex_id
        failure.timestamp_ms = self._services.clock.now_ms()
        self._report_decline(checkpoint_id, failure)

    async def close(self) -> None:
        """Give up what is being written, and wait a moment for the threads that do."""
        running = list(self._running.values())
        self._running.clear()
        for each in running:
            self._discard(each)
        writers = list(self._writers.values())
        if writers:
            _, left = await asyncio.wait(writers, timeout=_WRITERS_END_S)
            if left:
                _log.warning(
                    "task %s: the storage of snapshots does not let go of checkpoints %s; what they hold is freed when "
                    "it does",
                    self._task.task_name,
                    ", ".join(str(each.checkpoint_id) for each in running),
                )

    def _discard(self, running: RunningCheckpoint) -> None:
        running.discard()
        if running.settling:
            self._writers[running.checkpoint_id].cancel()

    def fail(self, checkpoint_id: int, error: Exception) -> None:
        """Report that the task cannot take a checkpoint because of this."""
        failure = build_failure(error, self._task, self._services.clock.now_ms())
        _log.info("checkpoint %d of task %s failed: %s", checkpoint_id, self._task.task_name, first_line(failure))
        self._report_decline(checkpoint_id, failure)

    def _report_decline(self, checkpoint_id: int, failure: FailureInfo) -> None:
        self._reports.decline(
            CheckpointDecline(attempt_id=self._task.attempt_id, checkpoint_id=checkpoint_id, failure=failure)
        )

    def _call_source(self, source: SourceDriver, phase: str, call: Callable[[], T]) -> T:
        return call_user_code(self._services.section, call, lambda error: source.locate(error, phase))
