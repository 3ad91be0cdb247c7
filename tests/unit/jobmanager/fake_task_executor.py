"""A TaskExecutor that only pretends to run tasks; the tests say how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.failure import FailureInfo
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import JobMasterGateway, ResourceManagerGateway, TaskExecutorGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import EndpointNotFoundError, RpcUnavailableError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle, OperatorSubtaskState, StateBytes, TaskSnapshot
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.common.wire.inspection_pb2 import (
    LogFileChunk,
    LogFiles,
    ProfileThreadsRequest,
    ReadLogFileRequest,
    SampleStacksRequest,
    SetLogLevelRequest,
    StackSamples,
    ThreadDump,
    ThreadProfiles,
)
from millstream.common.wire.metrics_pb2 import MetricDump

__all__ = ["FakeTaskExecutor", "run_for_ever", "run_to_the_end"]


def run_to_the_end(task: TaskDeployment) -> str:
    """Every task finishes."""
    return "FINISHED"


def run_for_ever(task: TaskDeployment) -> str:
    """Every task runs until it is cancelled."""
    return "RUNNING"


async def _until_cut_off(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await coroutine
    except RpcUnavailableError:
        pass  # it has crashed in the middle of it, as a test told it to
    except EndpointNotFoundError:
        pass  # the job is suspended


class FakeTaskExecutor:
    """Serves its gateway over an in-process network.

    :param behaviour: the last state that each task reports after it was deployed.
    :ivar slots: by index: (allocation, job) or None.
    :ivar deployments: each SubmitTasks call.
    :ivar job_information: what JobMasters told about their jobs.
    """

    def __init__(
        self,
        network: InProcessNetwork,
        name: str,
        slots: int,
        behaviour: Callable[[TaskDeployment], str] = run_to_the_end,
        session_id: str = "session",
    ) -> None:
        self.name = name
        self.session_id = LeaderSessionId(f"{name}-{session_id}")
        self.rpc = network.service(f"{name}-address-{session_id}")
        self.behaviour = behaviour
        self.slots: dict[int, tuple[str, str] | None] = dict.fromkeys(range(slots))
        self.deployments: list[pb.SubmitTasksRequest] = []
        self.job_information: list[pb.JobInformation] = []
        self.running: dict[str, TaskDeployment] = {}
        self.heartbeats: list[pb.Heartbeat] = []
        self.goodbyes: list[str] = []
        self.triggers: list[pb.TriggerTaskCheckpointRequest] = []
        self.notices: list[pb.NotifyCheckpointRequest] = []
        self.acknowledge = True
        self.refuse_triggers = False
        self.failure = FailureInfo(kind="USER_CODE", message="boom")
        self.answer_cancel = True
        self._job_masters: dict[str, JobMasterGateway] = {}
        self._resource_manager: ResourceManagerGateway | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, resource_manager_address: str) -> None:
        """Serve, and register at the ResourceManager."""
        await self.rpc.start()
        self.rpc.register(TaskExecutorGateway, f"taskexecutor-{self.name}", self, self.session_id)  # type: ignore[type-abstract]  # names the service
        leader = await self.rpc.leader_session_id(resource_manager_address, "resourcemanager")
        self._resource_manager = self.rpc.connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # names the service
            resource_manager_address,
            "resourcemanager",
            leader,
        )
        await self._resource_manager.register_task_executor(
            pb.RegisterTaskExecutorRequest(
                resource_id=self.name,
                address=self.rpc.address,
                session_id=self.session_id,
                host=f"{self.name}.example",
                pid=4711,
                slots=self._statuses(),
                description=pb.TaskManagerDescription(data_port=6121),
            )
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rpc.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_until_cut_off(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _statuses(self) -> list[pb.SlotStatus]:
        return [
            pb.SlotStatus(slot_index=index, allocation_id=bound[0] if bound else "", job_id=bound[1] if bound else "")
            for index, bound in self.slots.items()
        ]

    async def request_slot(self, request: pb.RequestSlotRequest) -> pb.Empty:
        if self.slots[request.slot_index] is not None:
            raise MillstreamError(f"slot {request.slot_index} is taken")
        self.slots[request.slot_index] = (request.allocation_id, request.job_id)
        self._spawn(self._offer(request))
        return pb.Empty()

    async def _offer(self, request: pb.RequestSlotRequest) -> None:
        gateway: JobMasterGateway = self.rpc.connect(
            JobMasterGateway,  # type: ignore[type-abstract]  # names the service
            request.job_master_address,
            f"jobmaster-{request.job_id}",
            LeaderSessionId(request.job_master_id),
        )
        try:
            registered = await gateway.register_task_manager(
                pb.RegisterTaskManagerRequest(
                    job_id=request.job_id,
                    resource_id=self.name,
                    address=self.rpc.address,
                    session_id=self.session_id,
                    host=f"{self.name}.example",
                    pid=4711,
                )
            )
            self.job_information.append(registered.job)
            self._job_masters[request.job_id] = gateway
            response = await gateway.offer_slots(
                pb.OfferSlotsRequest(
                    resource_id=self.name,
                    session_id=self.session_id,
                    offers=[
                        pb.SlotOffer(
                            allocation_id=request.allocation_id,
                            slot_index=request.slot_index,
                            data_host=f"{self.name}.example",
                            data_port=5000 + request.slot_index,
                        )
                    ],
                )
            )
        except MillstreamError:
            await self._free(request.allocation_id)
            return
        if request.allocation_id not in response.accepted:
            await self._free(request.allocation_id)

    async def _free(self, allocation_id: str) -> None:
        for index, bound in self.slots.items():
            if bound is not None and bound[0] == allocation_id:
                self.slots[index] = None
                for attempt in [one for one, task in self.running.items() if task.allocation_id == allocation_id]:
                    del self.running[attempt]
                assert self._resource_manager is not None
                await self._resource_manager.notify_slot_available(
                    pb.NotifySlotAvailableRequest(
                        resource_id=self.name, session_id=self.session_id, slot_index=index, allocation_id=allocation_id
                    )
                )
                return

    async def free_slot(self, request: pb.FreeSlotRequest) -> pb.Empty:
        self._spawn(self._free(request.allocation_id))
        return pb.Empty()

    async def submit_tasks(self, request: pb.SubmitTasksRequest) -> pb.Empty:
        self.deployments.append(request)
        for task in request.tasks:
            self.running[task.attempt_id] = task
            self._spawn(self._run(task))
        return pb.Empty()

    async def _run(self, task: TaskDeployment) -> None:
        end = self.behaviour(task)
        for state in ("INITIALIZING", "RUNNING", end):
            if task.attempt_id not in self.running:
                return
            await self.report(task, state)
            if state == "RUNNING" and end == "RUNNING":
                return

    async def report(self, task: TaskDeployment, state: str) -> None:
        """Tell the JobMaster of a task's state."""
        if state in ("FINISHED", "CANCELED", "FAILED"):
            self.running.pop(task.attempt_id, None)
        update = pb.TaskExecutionState(attempt_id=task.attempt_id, state=state, metrics=pb.TaskMetrics(records_in=7))
        if state == "FAILED":
            update.failure.CopyFrom(self.failure)
        await self._job_masters[task.job_id].update_task_execution_state(update)

    async def cancel_tasks(self, request: pb.CancelTasksRequest) -> pb.Empty:
        if self.answer_cancel:
            for attempt_id in request.attempt_ids:
                if attempt_id in self.running:
                    self._spawn(self.report(self.running[attempt_id], "CANCELED"))
        return pb.Empty()

    async def kill_worker(self, allocation_id: str, kind: str = "WORKER_DIED") -> None:
        """Play that the worker of a slot dies."""
        job_id = next(bound[1] for bound in self.slots.values() if bound is not None and bound[0] == allocation_id)
        await self._job_masters[job_id].fail_slot(
            pb.FailSlotRequest(
                resource_id=self.name,
                session_id=self.session_id,
                allocation_id=allocation_id,
                failure=FailureInfo(kind=kind, message="killed by signal 9 (SIGKILL)"),
            )
        )
        await self._free(allocation_id)

    async def send_operator_request(self, request: pb.TaskOperatorRequest) -> pb.OperatorResponse:
        return pb.OperatorResponse(payload=request.attempt_id.encode() + b"|" + request.payload)

    async def request_task_metrics(self, request: pb.RequestTaskMetricsRequest) -> pb.HeartbeatResponse:
        return pb.HeartbeatResponse(metrics=self._metrics())

    def _metrics(self) -> list[pb.AttemptMetrics]:
        return [pb.AttemptMetrics(attempt_id=attempt, metrics=pb.TaskMetrics(records_in=3)) for attempt in self.running]

    async def heartbeat_from_resource_manager(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        self.heartbeats.append(request)
        return pb.HeartbeatResponse(slots=self._statuses())

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        self.heartbeats.append(request)
        return pb.HeartbeatResponse(
            slots=[status for status in self._statuses() if status.allocation_id], metrics=self._metrics()
        )

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty:
        self.goodbyes.append(request.cause)
        return pb.Empty()

    async def trigger_task_checkpoint(self, request: pb.TriggerTaskCheckpointRequest) -> pb.Empty:
        self.triggers.append(request)
        if self.refuse_triggers:
            raise MillstreamError("not now")
        if self.acknowledge:
            for task in list(self.running.values()):
                self._spawn(self.acknowledge_checkpoint(task, request.checkpoint_id))
        return pb.Empty()

    async def acknowledge_checkpoint(self, task: TaskDeployment, checkpoint_id: int) -> None:
        """Tell the JobMaster that a task's part of a checkpoint is stored: what its subtask's number is."""
        items = OperatorStateHandle(
            name="number",
            mode="UNION",
            bytes=StateBytes(inline=str(task.subtask_index).encode()),
            offsets=[0],
            lengths=[1],
        )
        state = {task.vertex.operators[0].operator_id: OperatorSubtaskState(operator=[items])}
        await self._job_masters[task.job_id].acknowledge_checkpoint(
            pb.CheckpointAcknowledgement(
                attempt_id=task.attempt_id, checkpoint_id=checkpoint_id, snapshot=TaskSnapshot(operators=state)
            )
        )

    async def decline_checkpoint(self, task: TaskDeployment, checkpoint_id: int) -> None:
        """Tell the JobMaster that a task cannot take part in a checkpoint."""
        await self._job_masters[task.job_id].decline_checkpoint(
            pb.CheckpointDecline(attempt_id=task.attempt_id, checkpoint_id=checkpoint_id, failure=self.failure)
        )

    async def notify_checkpoint(self, request: pb.NotifyCheckpointRequest) -> pb.Empty:
        self.notices.append(request)
        return pb.Empty()

    async def request_metric_dump(self, request: pb.Empty) -> MetricDump:
        return MetricDump()

    async def list_log_files(self, request: pb.Empty) -> LogFiles:
        return LogFiles()

    async def read_log_file(self, request: ReadLogFileRequest) -> LogFileChunk:
        return LogFileChunk()

    async def request_thread_dump(self, request: pb.Empty) -> ThreadDump:
        return ThreadDump()

    async def sample_stacks(self, request: SampleStacksRequest) -> StackSamples:
        return StackSamples()

    async def set_log_level(self, request: SetLogLevelRequest) -> pb.Empty:
        return pb.Empty()

    async def profile_threads(self, request: ProfileThreadsRequest) -> ThreadProfiles:
        return ThreadProfiles()
