"""The JobMaster's connection to one TaskManager.

Commands go out one after the other in the order in which the scheduler gave them: a task's cancellation can never
overtake its deployment, nor the end of a slot the cancellation of its tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.common.fault_points import FaultPoint
from millstream.common.ids import AllocationId, AttemptId, JobID, LeaderSessionId
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RpcService,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.execution_graph import TaskManagerLocation
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSender, HeartbeatSettings

__all__ = ["TaskManagerConnection"]

logger = logging.getLogger(__name__)

_DEPLOYED: Final = FaultPoint(
    "jobmaster.tasks-deployed", "the tasks of one TaskManager are deployed, those of others perhaps not yet"
)
_NOTIFIED: Final = FaultPoint(
    "checkpoint.notified", "the tasks of one TaskManager know of a complete checkpoint, others perhaps not yet"
)
_TRIES = 3
_GONE = (RpcUnavailableError, FencingError, EndpointNotFoundError)


class TaskManagerConnection:
    """Sends commands and heartbeats to a TaskManager and notices its end.

    :param known_allocations: gives the slots that the job believes it holds there.
    :param on_heartbeat: gets what ``known_allocations`` gave when a heartbeat went out, and the answer to it.
    :param on_deployment_failed: some attempts did not reach the TaskManager.
    :param on_trigger_failed: some attempts could not be told to begin this checkpoint.
    :param on_lost: called at most once, with the reason.

    :ivar missing_before: slots that the last heartbeat's answer did not name though the job holds them.
    """

    def __init__(
        self,
        rpc: RpcService,
        location: TaskManagerLocation,
        address: str,
        session_id: LeaderSessionId,
        job_id: JobID,
        job_master_id: LeaderSessionId,
        *,
        known_allocations: Callable[[], list[AllocationId]],
        on_heartbeat: Callable[[list[AllocationId], pb.HeartbeatResponse], None],
        on_deployment_failed: Callable[[tuple[AttemptId, ...], FailureInfo], None],
        on_trigger_failed: Callable[[tuple[AttemptId, ...], int, FailureInfo], None],
        on_lost: Callable[[str], None],
        heartbeat: HeartbeatSettings,
    ) -> None:
        self.location = location
        self.session_id = session_id
        self._rpc = rpc
        self._address = address
        self._job_id = job_id
        self._job_master_id = job_master_id
        self._known_allocations = known_allocations
        self._on_heartbeat = on_heartbeat
        self._on_deployment_failed = on_deployment_failed
        self._on_trigger_failed = on_trigger_failed
        self._report_lost = on_lost
        self.missing_before: set[AllocationId] = set()
        self._lost = False
        self._gateway = self._connect(None)
        self._heartbeat_gateway = self._connect(heartbeat.call_timeout)
        self._outbox: asyncio.Queue[Callable[[], Coroutine[Any, Any, None]]] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self._heartbeats = HeartbeatSender(f"TaskManager {location}", self._heartbeat, self._gone, heartbeat)
        self._end_watch: Callable[[], None] | None = None

    def _connect(self, timeout: timedelta | None) -> TaskExecutorGateway:
        return self._rpc.connect(
            TaskExecutorGateway,  # type: ignore[type-abstract]  # a protocol names the service here
            self._address,
            f"taskexecutor-{self.location.resource_id}",
            self.session_id,
            timeout,
        )

    def start(self, tasks: BackgroundTasks) -> None:
        """Begin to send.

        :param tasks: owns the tasks that do.
        """
        self._sender = tasks.spawn(self._send_all(), f"commands to {self.location}")
        self._heartbeats.start(tasks)
        if self._address != self._rpc.address:
            self._end_watch = self._rpc.watch_connection(self._address, self._gone)

    def stop(self) -> None:
        """Have nothing more to do with it; what has not been sent is dropped. May be called twice."""
        self._lost = True
        self._heartbeats.stop()
        if self._end_watch is not None:
            self._end_watch()
            self._end_watch = None
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        while not self._outbox.empty():
            self._outbox.get_nowait()
            self._outbox.task_done()

    def _gone(self, reason: str) -> None:
        if not self._lost:
            self._lost = True
            self._report_lost(reason)

    # ------------------------------------------------------------------ commands

    def deploy(self, tasks: Sequence[TaskDeployment]) -> None:
        """Send tasks to run."""
        self._outbox.put_nowait(partial(self._deploy, tasks))

    def cancel(self, attempt_ids: Sequence[AttemptId]) -> None:
        """Ask for the end of these attempts."""
        self._outbox.put_nowait(partial(self._cancel, attempt_ids))

    def trigger_checkpoint(
        self, attempt_ids: Sequence[AttemptId], checkpoint_id: int, options: CheckpointOptions
    ) -> None:
        """Have tasks begin a checkpoint."""
        self._outbox.put_nowait(partial(self._trigger_checkpoint, attempt_ids, checkpoint_id, options))

    def notify_checkpoint(self, attempt_ids: Sequence[AttemptId], checkpoint_id: int, completed: bool) -> None:
        """Tell tasks what became of a checkpoint."""
        self._outbox.put_nowait(partial(self._notify_checkpoint, attempt_ids, checkpoint_id, completed))

    def free(self, allocation_ids: Sequence[AllocationId], cause: str) -> None:
        """Give slots back."""
        self._outbox.put_nowait(partial(self._free, allocation_ids, cause))

    def say_goodbye(self, cause: str, *, job_goes_on: bool = False) -> None:
        """Tell the TaskManager that this JobMaster will not talk to it any more.

        :param job_goes_on: another one may: the TaskManager keeps local copies of the job's state for it.
        """
        self._outbox.put_nowait(partial(self._say_goodbye, cause, job_goes_on))

    async def drain(self) -> None:
        """Return when all commands so far have gone out."""
        if not self._lost:
            await self._outbox.join()

    async def request_metrics(self) -> pb.HeartbeatResponse:
        """Ask for the totals of this job's tasks. Raises :class:`MillstreamError` if it does not answer."""
        return await self._gateway.request_task_metrics(pb.RequestTaskMetricsRequest(job_id=self._job_id))

    async def operator_request(self, attempt_id: AttemptId, operator_id: str, payload: bytes) -> bytes:
        """Send a message to an operator and return its answer. Raises :class:`MillstreamError`."""
        request = pb.TaskOperatorRequest(attempt_id=attempt_id, operator_id=operator_id, payload=payload)
        return (await self._gateway.send_operator_request(request)).payload

    async def _send_all(self) -> None:
        while True:
            command = await self._outbox.get()
            try:
                await command()
            finally:
                self._outbox.task_done()

    async def _deploy(self, tasks: Sequence[TaskDeployment]) -> None:
        request = pb.SubmitTasksRequest(job_master_id=self._job_master_id, tasks=tasks)
        try:
            await self._gateway.submit_tasks(request)
            _DEPLOYED.reach()
        except MillstreamError as error:
            failure = engine_failure(
                ENGINE,
                f"the tasks could not be deployed to TaskManager {self.location}: {error}",
                exception_type=type(error).__name__,
            )
            failure.task_manager = str(self.location)
            if isinstance(error, _GONE):
                # Names the true reason; the tasks in its slots fail with it.
                self._gone(str(error))
            else:
                self._on_deployment_failed(tuple(AttemptId(task.attempt_id) for task in tasks), failure)

    async def _cancel(self, attempt_ids: Sequence[AttemptId]) -> None:
        request = pb.CancelTasksRequest(job_master_id=self._job_master_id, attempt_ids=attempt_ids)
        await self._insist(lambda: self._gateway.cancel_tasks(request), "cancel tasks")

    async def _trigger_checkpoint(
        self, attempt_ids: Sequence[AttemptId], checkpoint_id: int, options: CheckpointOptions
    ) -> None:
        request = pb.TriggerTaskCheckpointRequest(
            job_master_id=self._job_master_id, attempt_ids=attempt_ids, checkpoint_id=checkpoint_id, options=options
        )
        try:
            await self._gateway.trigger_task_checkpoint(request)
        except _GONE as error:
            self._gone(str(error))
        except MillstreamError as error:
            failure = engine_failure(
                ENGINE,
                f"checkpoint {checkpoint_id} could not be triggered at TaskManager {self.location}: {error}",
                exception_type=type(error).__name__,
            )
            failure.task_manager = str(self.location)
            self._on_trigger_failed(tuple(attempt_ids), checkpoint_id, failure)

    async def _notify_checkpoint(self, attempt_ids: Sequence[AttemptId], checkpoint_id: int, completed: bool) -> None:
        request = pb.NotifyCheckpointRequest(
            job_master_id=self._job_master_id, attempt_ids=attempt_ids, checkpoint_id=checkpoint_id, completed=completed
        )
        await self._insist(lambda: self._gateway.notify_checkpoint(request), "take notice of a checkpoint")
        if completed:
            _NOTIFIED.reach()

    async def _insist(self, call: Callable[[], Awaitable[pb.Empty]], what: str) -> None:
        """Make a call that must arrive; a TaskManager that does not take it counts as lost."""
        for attempt in range(1, _TRIES + 1):
            try:
                await call()
            except _GONE as error:
                self._gone(str(error))
            except MillstreamError as error:
                logger.warning("TaskManager %s did not answer a request to %s: %s", self.location, what, error)
                if attempt == _TRIES:
                    self._gone(f"it did not answer {_TRIES} requests to {what} ({error})")
                continue
            return

    async def _free(self, allocation_ids: Sequence[AllocationId], cause: str) -> None:
        for allocation_id in allocation_ids:
            try:
                await self._gateway.free_slot(
                    pb.FreeSlotRequest(allocation_id=allocation_id, cause=cause, job_master_id=self._job_master_id)
                )
            except MillstreamError as error:
                # It learns the same from our goodbye, from the broken connection or from missing heartbeats.
                logger.warning("Could not give slot %s back to TaskManager %s: %s", allocation_id, self.location, error)

    async def _say_goodbye(self, cause: str, job_goes_on: bool) -> None:
        try:
            await self._gateway.disconnect_job_master(
                pb.DisconnectJobMasterRequest(
                    job_id=self._job_id, job_master_id=self._job_master_id, cause=cause, job_goes_on=job_goes_on
                )
            )
        except MillstreamError as error:
            logger.info("Could not take leave of TaskManager %s: %s", self.location, error)

    async def _heartbeat(self) -> None:
        known = self._known_allocations()
        response = await self._heartbeat_gateway.heartbeat_from_job_master(
            pb.Heartbeat(
                session_id=self._job_master_id,
                known_allocations=known,
                **{"from": f"jobmaster-{self._job_id}"},
            )
        )
        self._on_heartbeat(known, response)
