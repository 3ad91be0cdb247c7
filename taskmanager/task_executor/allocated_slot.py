"""One allocation of one slot: the worker that serves it, and what is known of what runs there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol, TypeAlias

from millstream.common.config import Configuration, RpcOptions, TaskManagerOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import FailureInfo
from millstream.common.ids import AllocationId, AttemptId, JobID
from millstream.common.states import ExecutionState
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.common.wire.worker_pb2 import (
    CancelTask,
    PrepareSlot,
    RunTasks,
    SlotPrepared,
    WorkerCommand,
    WorkerEvent,
    WorkerInspection,
    WorkerInspectionResult,
    WorkerOperatorRequest,
    WorkerOperatorResponse,
)
from millstream.taskmanager.task_executor.cancellation_watchdog import CancellationWatchdog
from millstream.taskmanager.task_executor.pending_answers import PendingAnswers
from millstream.taskmanager.worker.framing import FrameTooLargeError
from millstream.taskmanager.worker.handle import WorkerHandle, WorkerPool

__all__ = ["AllocatedSlot", "SlotListener", "TaskReport", "WorkerLostError"]

_log = logging.getLogger(__name__)

_TERMINAL = frozenset(state.value for state in ExecutionState if state.is_terminal())

TaskReport: TypeAlias = pb.CheckpointAcknowledgement | pb.CheckpointDecline | pb.EndOfDataReport | pb.SplitRequest


class WorkerLostError(MillstreamError):
    """The worker ended, or gave up its slot, while something was asked of it."""


class SlotListener(Protocol):
    """Who hears what happens in a slot."""

    def on_task_state(self, slot: AllocatedSlot, state: pb.TaskExecutionState) -> None:
        """A task's state has changed."""
        ...

    def on_task_report(self, slot: AllocatedSlot, report: TaskReport) -> None:
        """A task says something of a checkpoint, or wants a split."""
        ...

    def on_slot_failed(self, slot: AllocatedSlot, failure: FailureInfo) -> None:
        """The worker says that it cannot serve the slot; it will end."""
        ...

    def on_worker_exit(self, slot: AllocatedSlot, how: str) -> None:
        """The worker has ended by itself."""
        ...

    def on_cancellation_timeout(self, slot: AllocatedSlot, attempt_id: AttemptId) -> None:
        """A cancelled task does not end."""
        ...


class AllocatedSlot:
    """A slot's worker, from the allocation to the end of it."""

    def __init__(
        self,
        index: int,
        allocation_id: AllocationId,
        job_id: JobID,
        configuration: Configuration,
        listener: SlotListener,
    ) -> None:
        self.index = index
        self.allocation_id = allocation_id
        self.job_id = job_id
        self._configuration = configuration
        self._listener = listener
        self._ask_timeout: timedelta = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._loop = asyncio.get_running_loop()
        self._worker: WorkerHandle | None = None
        self._ended = False
        self._prepared: asyncio.Future[SlotPrepared] = self._loop.create_future()
        self._requests: PendingAnswers[WorkerOperatorResponse] = PendingAnswers()
        self._inspections: PendingAnswers[WorkerInspectionResult] = PendingAnswers()
        self._watchdogs: dict[AttemptId, CancellationWatchdog] = {}
        self._metrics: dict[str, pb.TaskMetrics] = {}

    @property
    def worker_description(self) -> str:
        return "worker" if self._worker is None else self._worker.description

    @property
    def worker_pid(self) -> int:
        """Process id of the worker; 0 if it has none yet."""
        return 0 if self._worker is None else self._worker.pid

    @property
    def has_worker(self) -> bool:
        """There is a worker that may be asked."""
        return self._worker is not None and not self._ended

    @property
    def is_prepared(self) -> bool:
        return self._prepared.done() and not self._prepared.cancelled() and self._prepared.exception() is None

    async def take_worker(self, pool: WorkerPool) -> None:
        """Get a worker. Raises :class:`OSError` if there is none to be had."""
        worker = await pool.take()
        if self._ended:  # the slot was given up meanwhile
            await worker.stop(0)
            raise WorkerLostError("the slot was released before it had a worker")
        self._worker = worker
        worker.attach(self._on_event, self._on_exit)

    async def prepare(self, command: PrepareSlot) -> SlotPrepared:
        """Bind the worker to the job.

        :raises WorkerLostError: it ended or gave up before it was ready. Whoever listens to the slot knows why.
        """
        self._send(WorkerCommand(prepare=command))
        return await asyncio.shield(self._prepared)

    def run(self, tasks: Iterable[TaskDeployment]) -> None:
        """Have tasks run.

        :raises MillstreamError: they are too large to be sent.
        """
        self._send(WorkerCommand(run=RunTasks(tasks=tasks)))

    def cancel(self, attempt_id: AttemptId) -> None:
        """Have a task cancelled, if need be by interrupts."""
        self._send(WorkerCommand(cancel=CancelTask(attempt_id=attempt_id)))
        if attempt_id in self._watchdogs or self._worker is None:
            return
        self._watchdogs[attempt_id] = CancellationWatchdog(
            self._configuration.get(TaskManagerOptions.TASK_CANCELLATION_INTERVAL).total_seconds(),
            self._configuration.get(TaskManagerOptions.TASK_CANCELLATION_TIMEOUT).total_seconds(),
            self._worker.interrupt,
            lambda: self._listener.on_cancellation_timeout(self, attempt_id),
        )

    def trigger_checkpoint(self, request: pb.TriggerTaskCheckpointRequest) -> None:
        """Have tasks here begin a checkpoint.

        :raises WorkerLostError: the worker is gone.
        """
        self._send(WorkerCommand(trigger_checkpoint=request))

    def notify_checkpoint(self, request: pb.NotifyCheckpointRequest) -> None:
        """Tell tasks here what became of a checkpoint.

        :raises WorkerLostError: the worker is gone.
        """
        self._send(WorkerCommand(notify_checkpoint=request))

    async def ask_operator(self, attempt_id: AttemptId, operator_id: str, payload: bytes) -> bytes:
        """Send a message to an operator and return its answer.

        :raises MillstreamError: the operator refuses it, does not answer in time, or its worker has ended.
        """

        def send(request_id: int) -> None:
            request = WorkerOperatorRequest(
                request_id=request_id, attempt_id=attempt_id, operator_id=operator_id, payload=payload
            )
            self._send(WorkerCommand(operator_request=request))

        try:
            response = await self._requests.ask(send, self._ask_timeout.total_seconds())
        except asyncio.TimeoutError:
            raise MillstreamError(
                f"operator {operator_id} did not answer within {self._ask_timeout.total_seconds():g} s "
                f"({RpcOptions.ASK_TIMEOUT.key})"
            ) from None
        if response.error:
            raise MillstreamError(response.error)
        return response.payload

    async def inspect(self, inspection: WorkerInspection, timeout_s: float) -> WorkerInspectionResult:
        """Look at the worker.

        :raises MillstreamError: it cannot show that, does not answer in time, or has ended.
        """

        def send(request_id: int) -> None:
            command = WorkerCommand(inspection=inspection)
            command.inspection.request_id = request_id
            self._send(command)

        try:
            result = await self._inspections.ask(send, timeout_s)
        except asyncio.TimeoutError:
            raise MillstreamError(f"the {self.worker_description} did not answer within {timeout_s:g} s") from None
        if result.error:
            raise MillstreamError(result.error)
        return result

    def tell(self, inspection: WorkerInspection) -> None:
        """Let the worker carry out what nobody waits for.

        :raises WorkerLostError: the worker is gone.
        """
        self._send(WorkerCommand(inspection=inspection))

    def metrics(self) -> list[pb.AttemptMetrics]:
        """Return the last known figures of the tasks here."""
        return [pb.AttemptMetrics(attempt_id=attempt, metrics=metrics) for attempt, metrics in self._metrics.items()]

    async def end(self, grace_s: float) -> None:
        """End the worker; nobody hears of the slot any more."""
        self._end("the slot is released")
        if self._worker is not None:
            if grace_s <= 0:
                self._worker.kill()
            await self._worker.stop(grace_s)

    def _send(self, command: WorkerCommand) -> None:
        if self._worker is None or self._ended:
            raise WorkerLostError(f"slot {self.index} has no worker")
        try:
            self._worker.send(command)
        except FrameTooLargeError as error:
            raise MillstreamError(str(error)) from error

    def _on_event(self, event: WorkerEvent) -> None:
        if self._ended:
            return
        kind = event.WhichOneof("event")
        if kind == "task_state":
            attempt_id = AttemptId(event.task_state.attempt_id)
            if event.task_state.state in _TERMINAL:
                self._stop_watchdog(attempt_id)
                self._metrics.pop(attempt_id, None)
            self._listener.on_task_state(self, event.task_state)
        elif kind == "acknowledge":
            self._listener.on_task_report(self, event.acknowledge)
        elif kind == "decline":
            self._listener.on_task_report(self, event.decline)
        elif kind == "end_of_data":
            self._listener.on_task_report(self, event.end_of_data)
        elif kind == "split_request":
            self._listener.on_task_report(self, event.split_request)
        elif kind == "metrics":
            for entry in event.metrics.tasks:
                self._metrics[entry.attempt_id] = entry.metrics
        elif kind == "operator_response":
            self._requests.answer(event.operator_response.request_id, event.operator_response)
        elif kind == "inspection":
            self._inspections.answer(event.inspection.request_id, event.inspection)
        elif kind == "prepared":
            if not self._prepared.done():
                self._prepared.set_result(event.prepared)
        elif kind == "failed":
            failure = event.failed.failure
            self._end(failure.message)
            self._listener.on_slot_failed(self, failure)
        else:
            _log.warning("%s sent an event that is not known: %s", self.worker_description, kind)

    def _on_exit(self, how: str) -> None:
        if not self._ended:
            self._end(f"the {self.worker_description} has ended: {how}")
            self._listener.on_worker_exit(self, how)

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        for attempt_id in list(self._watchdogs):
            self._stop_watchdog(attempt_id)
        self._requests.fail(WorkerLostError(reason))
        self._inspections.fail(WorkerLostError(reason))
        if not self._prepared.done():
            self._prepared.set_exception(WorkerLostError(reason))
            self._prepared.exception()  # there may be nobody who waits for it

    def _stop_watchdog(self, attempt_id: AttemptId) -> None:
        watchdog = self._watchdogs.pop(attempt_id, None)
        if watchdog is not None:
            watchdog.stop()
