"""The TaskExecutor: what the master can ask of a TaskManager.

A thin endpoint. The way to the ResourceManager is
:class:`~millstream.taskmanager.task_executor.resource_manager_connection.ResourceManagerConnection`'s business, slots
and jobs are :class:`~millstream.taskmanager.task_executor.slot_service.SlotService`'s. No user code runs here: the
workers of the pool run it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.config import Configuration, TaskManagerOptions
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.ids import AllocationId, IdFactory, JobID, ResourceId
from millstream.common.inspection.thread_dump import asyncio_tasks, threads_of_this_process
from millstream.common.inspection.thread_profiler import ThreadProfiler
from millstream.common.logging import LogFiles
from millstream.common.metrics import MetricScope
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.rpc.service import RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire import inspection_pb2 as inspection
from millstream.common.wire.inspection_pb2 import (
    LogFileChunk,
    ProfileThreadsRequest,
    ReadLogFileRequest,
    SampleStacksRequest,
    SetLogLevelRequest,
    StackSamples,
    ThreadDump,
    ThreadProfiles,
)
from millstream.common.wire.metrics_pb2 import MetricDump
from millstream.common.wire.worker_pb2 import WorkerInspection
from millstream.taskmanager.inspection.log_level import set_log_level
from millstream.taskmanager.metrics.task_manager_description import HostResources, describe_task_manager
from millstream.taskmanager.metrics.task_manager_metrics import TaskManagerMetrics
from millstream.taskmanager.task_executor.local_state_service import LocalStateService
from millstream.taskmanager.task_executor.resource_manager_connection import ResourceManagerConnection
from millstream.taskmanager.task_executor.slot_service import SlotService
from millstream.taskmanager.worker.handle import WorkerPool

__all__ = ["TaskExecutor"]

_log = logging.getLogger(__name__)

_JOB_MASTER_PREFIX = "jobmaster-"
_INSPECTION_TIMEOUT_S = 3.0
"""For a worker to answer; one whose user code does not let it is left out."""
_PROFILE_GRACE_S = 3.0
"""For a worker to answer once its profile is made."""
_THREAD_DUMP_TIMEOUT_S = 1.0
"""After this time a worker is looked at without its help."""


class TaskExecutor:
    """One TaskManager.

    :param rpc: a started service; the TaskExecutor registers its endpoint there and leaves it open.
    :param leaders: tells where the ResourceManager and the jobs' JobMasters are; whoever made it closes it.
    :param worker_pool: started and closed with the TaskExecutor (both do no harm twice).
    :param host: name of this machine, at which others reach the data ports.
    :param on_fatal: called once, with a message, if the TaskManager cannot go on; whoever runs it should close it.
    :param resources: what the machine has; by default what there is.
    """

    def __init__(
        self,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        worker_pool: WorkerPool,
        host: str,
        on_fatal: Callable[[str], None] | None = None,
        resources: HostResources | None = None,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._configuration = configuration
        self._description = describe_task_manager(
            configuration, resources if resources is not None else HostResources.of_this_host()
        )
        self._metrics: TaskManagerMetrics | None = None
        self._profiler = ThreadProfiler("taskmanager")
        self._worker_pool = worker_pool
        self.on_fatal = on_fatal
        self._resource_id = ResourceId(
            configuration.get(TaskManagerOptions.RESOURCE_ID) or f"{rpc.address}-{ids.hex(6)}"
        )
        self._session_id = ids.leader_session_id()
        self._log_files = LogFiles.of_task_manager(configuration)
        self._host = host
        self._number_of_slots = configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)
        self._local_state = LocalStateService(configuration)
        self._slots = SlotService(
            rpc,
            leaders,
            clock,
            configuration,
            worker_pool,
            pb.RegisterTaskManagerRequest(
                resource_id=self._resource_id,
                address=rpc.address,
                session_id=self._session_id,
                host=host,
                pid=os.getpid(),
            ),
            self._on_slot_available,
            self._local_state,
        )
        self._resource_manager = ResourceManagerConnection(rpc, leaders, configuration, self._registration, self._fatal)
        self._starting_pool: asyncio.Task[None] | None = None
        self._close_task: asyncio.Task[None] | None = None

    @property
    def resource_id(self) -> ResourceId:
        return self._resource_id

    @property
    def endpoint(self) -> str:
        """Name under which the RPC service serves it."""
        return f"taskexecutor-{self._resource_id}"

    @property
    def is_registered(self) -> bool:
        """The ResourceManager knows this TaskManager now."""
        return self._resource_manager.is_registered

    async def start(self) -> None:
        """Serve the endpoint, and begin to register and to start workers."""
        self._rpc.register(
            TaskExecutorGateway,  # type: ignore[type-abstract]  # names the service, is not instantiated
            self.endpoint,
            self,
            self._session_id,
        )
        self._local_state.start()
        self._starting_pool = asyncio.ensure_future(self._start_pool())
        self._resource_manager.start()

    async def wait_registered(self) -> None:
        """Return when the ResourceManager knows this TaskManager."""
        await self._resource_manager.wait_registered()

    async def close(self) -> None:
        """Say goodbye, end all workers, serve no more. May be called more than once."""
        if self._close_task is None:
            self._close_task = asyncio.ensure_future(self._close())
        await asyncio.shield(self._close_task)

    # ------------------------------------------------------------------ TaskExecutorGateway

    async def request_slot(self, request: pb.RequestSlotRequest) -> pb.Empty:
        """The ResourceManager gives one of our slots to a job."""
        self._resource_manager.check_leader(request.resource_manager_id)
        self._slots.request(request)
        return pb.Empty()

    async def free_slot(self, request: pb.FreeSlotRequest) -> pb.Empty:
        """A JobMaster gives a slot back, or the ResourceManager takes it from a job that is gone."""
        allocation_id = AllocationId(request.allocation_id)
        if request.job_master_id:
            self._slots.free(allocation_id, request.cause, request.job_master_id)
        else:
            self._resource_manager.check_leader(request.resource_manager_id)
            self._slots.take_back(allocation_id, request.cause)
        return pb.Empty()

    async def submit_tasks(self, request: pb.SubmitTasksRequest) -> pb.Empty:
        """A JobMaster has tasks run in its slots."""
        self._slots.submit(request)
        return pb.Empty()

    async def cancel_tasks(self, request: pb.CancelTasksRequest) -> pb.Empty:
        """A JobMaster has tasks cancelled; their states say when they are."""
        self._slots.cancel(request)
        return pb.Empty()

    async def send_operator_request(self, request: pb.TaskOperatorRequest) -> pb.OperatorResponse:
        """A message for an operator."""
        return pb.OperatorResponse(payload=await self._slots.ask_operator(request))

    async def request_task_metrics(self, request: pb.RequestTaskMetricsRequest) -> pb.HeartbeatResponse:
        """The figures of a job's tasks, as of a second ago at most."""
        return pb.HeartbeatResponse(metrics=self._slots.metrics(JobID(request.job_id)))

    async def heartbeat_from_resource_manager(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        """The ResourceManager lives; it learns the state of our slots."""
        self._resource_manager.heartbeat(request.session_id)
        return pb.HeartbeatResponse(slots=self._slots.report())

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        """A JobMaster lives; it learns of its slots and tasks here."""
        job_id = JobID(getattr(request, "from").removeprefix(_JOB_MASTER_PREFIX))
        known = {AllocationId(allocation_id) for allocation_id in request.known_allocations}
        return self._slots.heartbeat(job_id, request.session_id, known)

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty:
        """A JobMaster says goodbye."""
        self._slots.disconnect(
            JobID(request.job_id), request.job_master_id, request.cause, job_goes_on=request.job_goes_on
        )
        return pb.Empty()

    async def trigger_task_checkpoint(self, request: pb.TriggerTaskCheckpointRequest) -> pb.Empty:
        """A JobMaster begins a checkpoint at tasks here."""
        self._slots.trigger_checkpoint(request)
        return pb.Empty()

    async def notify_checkpoint(self, request: pb.NotifyCheckpointRequest) -> pb.Empty:
        """A JobMaster says what became of a checkpoint."""
        self._slots.notify_checkpoint(request)
        return pb.Empty()

    async def request_metric_dump(self, request: pb.Empty) -> MetricDump:
        """Return the metrics of this process and of its slot workers."""
        if self._metrics is None:
            scope = MetricScope.task_manager(self._host, self._resource_id)
            self._metrics = TaskManagerMetrics(self._configuration, scope, self._description, self._slots.worker_pids)
        answers = await self._slots.inspector.ask_all(WorkerInspection(metric_dump=pb.Empty()), _INSPECTION_TIMEOUT_S)
        of_workers = [answer.metric_dump for answer in answers]
        return self._metrics.dump(of_workers, asyncio.get_running_loop().time(), self._clock.now_ms())

    async def list_log_files(self, request: pb.Empty) -> inspection.LogFiles:
        """Return the files in the log directory."""
        return inspection.LogFiles(files=await asyncio.to_thread(self._log_files.list))

    async def read_log_file(self, request: ReadLogFileRequest) -> LogFileChunk:
        """Return a part of a log file."""
        return await asyncio.to_thread(
            self._log_files.read, request.kind, request.name, request.offset, request.max_bytes
        )

    async def request_thread_dump(self, request: pb.Empty) -> ThreadDump:
        """Return what the threads of this process and of its slot workers do."""
        own = [*threads_of_this_process("taskmanager"), *asyncio_tasks("taskmanager")]
        return ThreadDump(threads=[*own, *await self._slots.inspector.threads(_THREAD_DUMP_TIMEOUT_S)])

    async def sample_stacks(self, request: SampleStacksRequest) -> StackSamples:
        """Look again and again where tasks spend their time."""
        return await self._slots.sample_stacks(request)

    async def profile_threads(self, request: ProfileThreadsRequest) -> ThreadProfiles:
        """Look again and again where the threads of this process and of its slot workers spend their time."""
        timeout_s = request.duration_ms / 1000 + _PROFILE_GRACE_S
        own, of_workers = await asyncio.gather(
            self._profiler.profile(request), self._slots.inspector.profiles(request, timeout_s)
        )
        return ThreadProfiles(processes=[own, *of_workers.processes], missing=of_workers.missing)

    async def set_log_level(self, request: SetLogLevelRequest) -> pb.Empty:
        """Change what is logged, here and in the slot workers."""
        set_log_level(request)
        await self._slots.inspector.set_log_level(request, _INSPECTION_TIMEOUT_S)
        return pb.Empty()

    # ------------------------------------------------------------------ inside

    def _registration(self) -> pb.RegisterTaskExecutorRequest:
        return pb.RegisterTaskExecutorRequest(
            resource_id=self._resource_id,
            address=self._rpc.address,
            session_id=self._session_id,
            host=self._host,
            pid=os.getpid(),
            slots=self._slots.report(),
            description=self._description,
        )

    def _on_slot_available(self, slot_index: int, allocation_id: AllocationId) -> None:
        self._resource_manager.notify_slot_available(
            pb.NotifySlotAvailableRequest(
                resource_id=self._resource_id,
                session_id=self._session_id,
                slot_index=slot_index,
                allocation_id=allocation_id,
            )
        )

    async def _start_pool(self) -> None:
        try:
            await self._worker_pool.start()
        except OSError as error:
            self._fatal(f"TaskManager {self._resource_id} cannot start slot workers: {error}")

    def _fatal(self, message: str) -> None:
        if self._close_task is not None:
            return
        if self.on_fatal is not None:
            self.on_fatal(message)
        else:
            _log.error("%s", message)

    async def _close(self) -> None:
        cause = f"TaskManager {self._resource_id} is shutting down"
        self._profiler.stop()
        goodbye = pb.DisconnectRequest(resource_id=self._resource_id, session_id=self._session_id, cause=cause)
        await asyncio.gather(self._resource_manager.close(goodbye), self._slots.close(cause))
        if self._starting_pool is not None:
            self._starting_pool.cancel()
            await asyncio.gather(self._starting_pool, return_exceptions=True)
        await self._worker_pool.close()
        if self._metrics is not None:
            self._metrics.close()
        await self._local_state.close()
        self._rpc.unregister(self.endpoint)
