"""What runs in a slot: takes commands from the TaskManager, runs tasks, reports by events.

A slot worker serves one slot of one job, for good. It is the same in a process of its own and in a thread, and it
knows neither sockets to the TaskManager nor processes: whoever hosts it passes messages both ways.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from millstream.common.clock import Clock
from millstream.common.config import ClusterOptions, Configuration, CoreOptions, RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.common.logging.task_context import JobContext, serve_job
from millstream.common.metrics import UPDATE_SECONDS
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import (
    AttemptMetrics,
    CheckpointAcknowledgement,
    CheckpointDecline,
    EndOfDataReport,
    NotifyCheckpointRequest,
    SplitRequest,
    TaskExecutionState,
    TriggerTaskCheckpointRequest,
)
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.common.wire.metrics_pb2 import MetricDump
from millstream.common.wire.worker_pb2 import (
    PrepareSlot,
    RunTasks,
    SlotFailed,
    SlotPrepared,
    WorkerCommand,
    WorkerEvent,
    WorkerMetrics,
    WorkerOperatorRequest,
    WorkerOperatorResponse,
)
from millstream.taskmanager.checkpoint_declines import not_running, snapshot_too_large
from millstream.taskmanager.garbage import TunedCollector
from millstream.taskmanager.inspection.sampled_task import SampledTask
from millstream.taskmanager.inspection.worker_inspections import WorkerInspections
from millstream.taskmanager.job_files import JobFiles
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies
from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.metrics.slot_metrics import SlotMetrics
from millstream.taskmanager.network.environment import NetworkEnvironment
from millstream.taskmanager.state.rocksdb.slot_memory import slot_budget
from millstream.taskmanager.surroundings import Surroundings
from millstream.taskmanager.task.chain import Exchange, TaskServices
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.task.snapshot_storage import ConfiguredStorage
from millstream.taskmanager.task.task import Task
from millstream.taskmanager.user_code import load_payload

__all__ = ["DataPlane", "SlotWorker"]

_log = logging.getLogger(__name__)

_METRICS_INTERVAL_S = 1.0
_IO_THREADS = 4


class DataPlane(Exchange, Protocol):
    """The network environment, as far as a worker needs it."""

    async def start(self, bind_host: str, port: int = 0) -> int: ...

    async def close(self) -> None: ...


DataPlaneFactory = Callable[..., DataPlane]


class SlotWorker:
    """Handles commands one after the other; all methods belong to the slot's event loop.

    :param emit: takes the events, in order.
    :param data_plane: makes the data plane; takes the arguments of :class:`NetworkEnvironment`.
    :param surroundings: where this runs; by default what the thread tells.
    """

    def __init__(
        self,
        emit: Callable[[WorkerEvent], None],
        clock: Clock,
        data_plane: DataPlaneFactory = NetworkEnvironment,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._make_data_plane = data_plane
        self._data_plane: DataPlane | None = None
        self._services: TaskServices | None = None
        self._collector = TunedCollector()
        self._surroundings = surroundings if surroundings is not None else Surroundings.of_this_thread()
        self._inspections = WorkerInspections(self._surroundings.own_process, self._metric_dump, self._sampled_tasks)
        self._files = JobFiles(self._surroundings.own_process)
        self._tasks: dict[str, Task] = {}
        self._reported: dict[str, bytes] = {}
        self._metrics: SlotMetrics | None = None
        self._metrics_loop: asyncio.Task[None] | None = None
        self._closed = False
        self._largest_message = 0
        self._executor: ThreadPoolExecutor | None = None

    async def handle(self, command: WorkerCommand) -> None:
        """Carry out one command. Faults of the job and of the environment become events."""
        kind = command.WhichOneof("command")
        if kind == "prepare":
            await self._prepare(command.prepare)
        elif kind == "run":
            self._run(command.run)
        elif kind == "cancel":
            self._cancel(command.cancel.attempt_id)
        elif kind == "trigger_checkpoint":
            self._trigger_checkpoint(command.trigger_checkpoint)
        elif kind == "notify_checkpoint":
            self._notify_checkpoint(command.notify_checkpoint)
        elif kind == "operator_request":
            await self._operator_request(command.operator_request)
        elif kind == "inspection":
            self._emit(WorkerEvent(inspection=await self._inspections.answer(command.inspection)))
        elif kind == "stop":
            await self.close()
        else:
            _log.warning("a command that this worker does not know was ignored: %s", command)

    async def close(self) -> None:
        """Cancel what runs and let go of everything. May be called twice."""
        if self._closed:
            return
        self._closed = True
        await self._inspections.close()
        if self._metrics_loop is not None:
            self._metrics_loop.cancel()
            await asyncio.wait({self._metrics_loop})
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            await task.wait()
        if self._executor is not None:
            # Its threads end with what they do; the tasks have waited for that as long as it makes sense.
            self._executor.shutdown(wait=False, cancel_futures=True)
        if self._data_plane is not None:
            await self._data_plane.close()
            self._data_plane = None
        self._files.remove()
        self._collector.restore()
        UserCodeSection.forget_this_thread()

    # ---------------------------------------------------------------- commands

    async def _prepare(self, command: PrepareSlot) -> None:
        if self._services is not None:
            self._fail_slot(engine_failure(ENGINE, "this slot worker is prepared already"))
            return
        job = command.job
        if self._surroundings.own_process:
            serve_job(JobContext(job.job_id, job.name))
        try:
            configuration = Configuration.from_map(dict(command.configuration))
            self._largest_message = configuration.get(RpcOptions.FRAMESIZE)  # the TaskManager's: it sends them on
            configuration.add_all(Configuration.from_map(dict(job.configuration)))
            temporary_dirs = configuration.get(CoreOptions.TMP_DIRS)
            self._files.install(job.artifacts, job.python_path, temporary_dirs)
            data_plane = self._make_data_plane(
                allocation_id=command.allocation_id,
                data_secret=job.data_secret,
                configuration=configuration,
                load_payload=load_payload,
                source=self._surroundings.source,
                inline=self._surroundings.inline,
            )
            self._data_plane = data_plane
            port = await data_plane.start(command.data_bind_host or "localhost")
        except (MillstreamError, OSError, ValueError) as error:
            _log.warning("the slot cannot be prepared", exc_info=True)
            self._fail_slot(_slot_failure(error))
            return
        pid = os.getpid()
        place = MetricPlace(
            command.data_host or command.data_bind_host,
            command.task_manager_id,
            job.name,
            ScopeFormats.of(configuration),
        )
        self._metrics = SlotMetrics(place, configuration)
        self._executor = ThreadPoolExecutor(
            configuration.get(ClusterOptions.IO_POOL_SIZE) or _IO_THREADS, thread_name_prefix="state"
        )
        self._services = TaskServices(
            exchange=data_plane,
            clock=self._clock,
            configuration=configuration,
            section=self._surroundings.section,
            storage=ConfiguredStorage(configuration, _copies(command)),
            executor=self._executor,
            task_manager=f"{command.task_manager_id} @ {command.data_host or command.data_bind_host} (pid {pid})",
            inline=self._surroundings.inline,
            state_directory=_first_directory(temporary_dirs),
            own_process=self._surroundings.own_process,
            job_name=job.name,
            metrics=place,
        )
        if self._surroundings.own_process:
            self._collector.tune()
        self._metrics_loop = asyncio.get_running_loop().create_task(self._report_metrics(), name="metrics")
        self._emit(WorkerEvent(prepared=SlotPrepared(data_port=port, pid=pid)))

    def _run(self, command: RunTasks) -> None:
        for deployment in command.tasks:
            if self._services is None or self._closed:
                self._refuse(deployment, "the slot worker has not been prepared for a job")
            elif deployment.attempt_id in self._tasks:
                _log.info("task %s runs already", deployment.attempt_id)
            else:
                task = Task(
                    deployment, self._services, _Reports(self._emit, self._on_task_state, self._largest_message)
                )
                self._tasks[deployment.attempt_id] = task
                if self._metrics is not None:
                    self._metrics.add(task.attempt_id, task.parts)
                task.start()

    def _cancel(self, attempt_id: str) -> None:
        task = self._tasks.get(attempt_id)
        if task is None:
            _log.debug("task %s, which is to be cancelled, does not run here (any more)", attempt_id)
        else:
            task.cancel()

    def _trigger_checkpoint(self, request: TriggerTaskCheckpointRequest) -> None:
        for attempt_id in request.attempt_ids:
            task = self._tasks.get(attempt_id)
            if task is None:
                self._emit(WorkerEvent(decline=not_running(attempt_id, request.checkpoint_id)))
            else:
                task.trigger_checkpoint(request.checkpoint_id, request.options)

    def _notify_checkpoint(self, request: NotifyCheckpointRequest) -> None:
        for attempt_id in request.attempt_ids:
            task = self._tasks.get(attempt_id)
            if task is not None:
                task.notify_checkpoint(request.checkpoint_id, request.completed)

    async def _operator_request(self, request: WorkerOperatorRequest) -> None:
        response = WorkerOperatorResponse(request_id=request.request_id)
        task = self._tasks.get(request.attempt_id)
        try:
            if task is None:
                raise MillstreamError(f"task {request.attempt_id} does not run here (any more)")
            response.payload = await task.operator_request(request.operator_id, request.payload)
        except Exception as error:  # noqa: BLE001  # goes to who asked
            response.error = str(error) or type(error).__qualname__
        self._emit(WorkerEvent(operator_response=response))

    # ---------------------------------------------------------------- events

    def _on_task_state(self, state: TaskExecutionState) -> None:
        if ExecutionState(state.state).is_terminal():
            self._tasks.pop(state.attempt_id, None)
            self._reported.pop(state.attempt_id, None)
            if self._metrics is not None:
                self._metrics.remove(state.attempt_id)
        self._emit(WorkerEvent(task_state=state))

    def _metric_dump(self) -> MetricDump:
        now_ms = self._clock.now_ms()
        if self._metrics is None:
            return MetricDump(timestamp_ms=now_ms)
        return self._metrics.dump(asyncio.get_running_loop().time(), now_ms, self._managed_memory())

    def _sampled_tasks(self) -> list[SampledTask]:
        return [sampled for task in self._tasks.values() if (sampled := task.sampled) is not None]

    def _managed_memory(self) -> int:
        """Bytes that the slot's state has reserved."""
        services = self._services
        states = (state for task in self._tasks.values() for _, state in task.parts.chain.states)
        if services is None or not any(state.reserves_memory for state in states):
            return 0
        return slot_budget(services.configuration) or 0

    async def _report_metrics(self) -> None:
        loop = asyncio.get_running_loop()
        rates_due = loop.time() + UPDATE_SECONDS
        while True:
            await asyncio.sleep(_METRICS_INTERVAL_S)
            now = loop.time()
            if now >= rates_due and self._metrics is not None:
                rates_due = now + UPDATE_SECONDS
                self._metrics.update(now)
            changed: list[AttemptMetrics] = []
            for attempt_id, task in self._tasks.items():
                metrics = task.metrics()
                # Waiting changes nothing that anybody counts: an idle job is silent.
                counted: Any = type(metrics)()
                counted.CopyFrom(metrics)
                counted.ClearField("idle_ms")
                counted.ClearField("backpressured_ms")
                mark = counted.SerializeToString(deterministic=True)
                if self._reported.get(attempt_id) != mark:
                    self._reported[attempt_id] = mark
                    changed.append(AttemptMetrics(attempt_id=attempt_id, metrics=metrics))
            if changed:
                self._emit(WorkerEvent(metrics=WorkerMetrics(tasks=changed)))

    def _refuse(self, deployment: TaskDeployment, reason: str) -> None:
        failure = engine_failure(ENGINE, reason)
        failure.task_name = deployment.vertex.name
        self._emit(
            WorkerEvent(
                task_state=TaskExecutionState(
                    attempt_id=deployment.attempt_id,
                    state=ExecutionState.FAILED.value,
                    failure=failure,
                    timestamp_ms=self._clock.now_ms(),
                )
            )
        )

    def _fail_slot(self, failure: FailureInfo) -> None:
        self._emit(WorkerEvent(failed=SlotFailed(failure=failure)))


class _Reports:
    """Makes events of what a task reports."""

    __slots__ = ("_emit", "_largest_message", "_on_state")

    def __init__(
        self,
        emit: Callable[[WorkerEvent], None],
        on_state: Callable[[TaskExecutionState], None],
        largest_message: int,
    ) -> None:
        self._emit = emit
        self._on_state = on_state
        self._largest_message = largest_message

    def state(self, state: TaskExecutionState) -> None:
        self._on_state(state)

    def acknowledge(self, acknowledgement: CheckpointAcknowledgement) -> None:
        size = acknowledgement.ByteSize()
        if size > self._largest_message:
            self.decline(
                CheckpointDecline(
                    attempt_id=acknowledgement.attempt_id,
                    checkpoint_id=acknowledgement.checkpoint_id,
                    failure=snapshot_too_large(size, self._largest_message),
                )
            )
        else:
            self._emit(WorkerEvent(acknowledge=acknowledgement))

    def decline(self, decline: CheckpointDecline) -> None:
        self._emit(WorkerEvent(decline=decline))

    def end_of_data(self, report: EndOfDataReport) -> None:
        self._emit(WorkerEvent(end_of_data=report))

    def request_split(self, request: SplitRequest) -> None:
        self._emit(WorkerEvent(split_request=request))


def _first_directory(temporary_dirs: Sequence[str]) -> Path | None:
    return Path(os.path.abspath(temporary_dirs[0])) if temporary_dirs else None


def _copies(command: PrepareSlot) -> SnapshotCopies | None:
    directories = [Path(each) for each in command.local_state_directories]
    return SnapshotCopies(directories) if directories else None


def _slot_failure(error: BaseException) -> FailureInfo:
    return engine_failure(
        ENGINE,
        f"a slot worker cannot serve its slot: {error}",
        exception_type=type(error).__qualname__,
        full_traceback=traceback.format_exc(),
    )
