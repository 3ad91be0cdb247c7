"""The Dispatcher: takes jobs, starts a JobMaster for each, and knows what became of all of them.

A thin shell over its :class:`~millstream.dispatcher.dispatched_jobs.DispatchedJobs`: it serves the calls. It never
unpickles anything of a job and needs none of its packages. It lives for one term of its master.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from millstream.common.clock import Clock
from millstream.common.config import CheckpointingOptions, ClusterOptions, Configuration, RestOptions
from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.ids import IdFactory, JobID, LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway
from millstream.common.rpc.service import EndpointNotFoundError, FencingError, RpcService
from millstream.common.states import JobStatus
from millstream.common.version import VERSION
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.common.wire.metrics_pb2 import MetricDump, MetricGroupDump
from millstream.dispatcher.cluster_metrics import cluster_metrics, running_jobs
from millstream.dispatcher.dispatched_jobs import DispatchedJobs
from millstream.dispatcher.history.archivist import make_archivist
from millstream.dispatcher.job_graph_check import check_job_graph
from millstream.dispatcher.job_keeper import JobKeeper
from millstream.dispatcher.job_manager_runner import (
    JobMasterControl,
    JobMasterFactory,
    create_job_master,
    job_master_endpoint,
)
from millstream.dispatcher.operations import Operations
from millstream.dispatcher.process_metric_source import ProcessMetricSource
from millstream.dispatcher.snapshot_disposal import dispose_snapshot
from millstream.jobmanager.checkpoint.events import SavepointMode
from millstream.jobmanager.job_master.ended_job import delete_left_checkpoints

__all__ = ["DISPATCHER_ENDPOINT", "RESOURCE_MANAGER_ENDPOINT", "Dispatcher"]

logger = logging.getLogger(__name__)

DISPATCHER_ENDPOINT: Final = "dispatcher"
RESOURCE_MANAGER_ENDPOINT: Final = "resourcemanager"

_LONGEST_WAIT_SECONDS: Final = 3600.0
"""No call for a result is held back longer, whatever it asks for."""
_LONGEST_PARTING_SECONDS: Final = 2.0
"""So long a master that leads no more still writes archives of jobs that have ended."""
_FORMATS: Final = ("CANONICAL", "NATIVE")


RECOVERED: Final = FaultPoint(
    "dispatcher.recovered", "a leader has begun to take up the jobs of earlier ones and is not made known yet"
)


class Dispatcher:
    """Serves :class:`~millstream.common.rpc.gateways.DispatcherGateway` as endpoint ``dispatcher``.

    :param leaders: tells where the ResourceManager is.
    :param leadership: the term; what must outlive it is kept there.
    :param on_shutdown: called once, when the cluster was asked to shut down and its jobs have ended.
    :param job_master_factory: makes the JobMaster of a job; the real one if not given.
    :param default_checkpoint_directory: URI where the checkpoints of jobs go for which nobody has named a place.
    :param process_metrics: of the process that it runs in; not owned.
    """

    def __init__(
        self,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_shutdown: Callable[[], None],
        job_master_factory: JobMasterFactory = create_job_master,
        default_checkpoint_directory: str | None = None,
        *,
        process_metrics: ProcessMetricSource,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._process_metrics = process_metrics
        self._configuration = configuration
        self._leaders = leaders
        self._on_shutdown = on_shutdown
        self._default_checkpoint_directory = default_checkpoint_directory
        self._leader_session_id = ids.leader_session_id()
        self._keeper = JobKeeper(leadership)

        def make_job_master(graph: JobGraph, on_terminal: Callable[[pb.JobDetails], None]) -> JobMasterControl:
            return job_master_factory(graph, rpc, clock, configuration, ids, leaders, leadership, on_terminal)

        async def delete_checkpoints(graph: JobGraph, status: JobStatus) -> None:
            await delete_left_checkpoints(graph, status, clock, configuration, ids, leadership)

        shutdown_seconds = configuration.get(ClusterOptions.SHUTDOWN_TIMEOUT).total_seconds()
        self._archivist = make_archivist(configuration, clock)
        self._archiving_seconds = shutdown_seconds / 6
        # A third for the jobs to end, a third for their JobMasters to close: the rest is for archives, and the process
        # around.
        self._jobs = DispatchedJobs(
            clock,
            configuration,
            self._keeper,
            make_job_master,
            delete_checkpoints,
            shutdown_seconds / 3,
            self._archivist,
        )
        self._operations = Operations(clock, ids, configuration.get(RestOptions.ASYNC_STORE_DURATION))
        self._publishing: asyncio.Task[None] | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._resource_manager: ResourceManagerGateway | None = None
        self._serving = False
        self._closed = False
        self._left = False

    @property
    def leader_session_id(self) -> LeaderSessionId:
        """Fencing token of the endpoint."""
        return self._leader_session_id

    @property
    def shutting_down(self) -> bool:
        """A client wants the cluster to end."""
        return self._shutdown is not None

    async def start(self) -> None:
        """Take up the jobs of earlier leaders and begin to take others. What is kept of them is waited for; may be
        cancelled.

        :raises LeadershipLostError: the term is over.
        """
        await self._jobs.find()
        self._rpc.register(
            DispatcherGateway,  # type: ignore[type-abstract]  # names the service only
            DISPATCHER_ENDPOINT,
            self,
            self._leader_session_id,
        )
        self._serving = True
        RECOVERED.reach()
        leader = LeaderInformation(self._rpc.address, self._leader_session_id)
        self._publishing = asyncio.get_running_loop().create_task(self._publish(leader), name="publish the Dispatcher")

    async def close(self) -> None:
        """Cancel all jobs, give them a while to end, close their JobMasters. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._shutdown is not None:
            await asyncio.wait({self._shutdown})
        else:
            await self._jobs.end_all()
        await self._operations.close()
        await self._stop_publishing()
        if self._archivist is not None:
            await self._archivist.close(self._archiving_seconds)
        if self._serving:
            self._rpc.unregister(DISPATCHER_ENDPOINT)

    def leave(self, reason: str) -> None:
        """The term is over: serve no more, at once, and leave the jobs to the next leader. Callers that wait are told.

        :meth:`left` must follow.
        """
        self._closed = self._left = True
        if self._serving:
            self._rpc.unregister(DISPATCHER_ENDPOINT)
        if self._shutdown is not None:
            self._shutdown.cancel()
        self._operations.abandon(reason)
        for job_id in self._jobs.leave(reason):
            self._rpc.unregister(job_master_endpoint(job_id))

    async def left(self) -> None:
        """Return when nothing of the jobs goes on here any more.

        :raises JobMasterLeftOpenError: something does.
        """
        if self._shutdown is not None:
            await asyncio.wait({self._shutdown})
        await self._operations.close()
        await self._stop_publishing()
        if self._archivist is not None:  # there may be no next leader for long; else it archives what is missing
            await self._archivist.close(min(self._archiving_seconds, _LONGEST_PARTING_SECONDS))
        await self._jobs.left()

    # ------------------------------------------------------------------ calls

    async def submit_job(self, request: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        """Accept a job and start it.

        :raises InvalidProgramError: the graph cannot be run.
        :raises DuplicateJobError: a job with this id is known already.
        """
        graph = request.job_graph
        check_job_graph(graph)
        self._name_checkpoint_directory(graph)
        await self._jobs.submit(graph)
        return pb.SubmitJobResponse(job_id=graph.job_id)

    async def list_jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        """Return all running and archived jobs, the earliest started first."""
        jobs: list[pb.JobSummary] = [details.summary for details in self._jobs.ended]
        jobs += [self._jobs.summary(job_id) for job_id in self._jobs.running]
        jobs.sort(key=lambda job: (job.start_time_ms, job.job_id))
        return pb.ListJobsResponse(jobs=jobs)

    async def get_job_details(self, request: pb.JobRequest) -> pb.JobDetails:
        """Return the job as it stands, with fresh metrics if that is asked for and it runs. Else they are as they are
        known, and newer ones are fetched for whoever asks next.

        :raises JobNotFoundError: no such job.
        """
        job_id = _parse(request.job_id)
        if request.fresh_metrics:
            await self._jobs.refresh_metrics(job_id)
        else:
            self._jobs.look_at_metrics(job_id)
        return self._jobs.details(job_id)

    async def await_job_result(self, request: pb.AwaitJobResultRequest) -> pb.JobDetails:
        """Return the job's last report as soon as it has ended, or its current one after ``max_wait_ms``.

        :raises JobNotFoundError: no such job.
        :raises LeadershipLostError: another master leads, or will.
        :raises MillstreamError: the cluster was shut down before the job ended.
        """
        return await self._jobs.wait_result(
            _parse(request.job_id), min(request.max_wait_ms / 1000, _LONGEST_WAIT_SECONDS)
        )

    async def cancel_job(self, request: pb.JobRequest) -> pb.Empty:
        """Cancel the job; returns when that has begun. A cancelled job may be cancelled again.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: it has ended otherwise.
        """
        self._jobs.cancel(_parse(request.job_id))
        return pb.Empty()

    async def get_cluster_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        """Return what the ResourceManager knows of slots, with the jobs counted."""
        overview = await self._resource_overview()
        ended = self._jobs.ended.counts_by_state()
        overview.jobs_running = len(self._jobs.running)
        overview.jobs_finished = ended[JobStatus.FINISHED.name]
        overview.jobs_cancelled = ended[JobStatus.CANCELED.name]
        overview.jobs_failed = ended[JobStatus.FAILED.name]
        overview.version = VERSION
        return overview

    async def send_operator_request(self, request: pb.OperatorRequest) -> pb.OperatorResponse:
        """Pass a message on to one operator subtask of a running job and its answer back.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the job has ended, or does not start.
        """
        job_master = await self._jobs.job_master(_parse(request.job_id))
        payload = await job_master.operator_request(request.operator_id, request.subtask_index, request.payload)
        return pb.OperatorResponse(payload=payload)

    async def shut_down_cluster(self, request: pb.Empty) -> pb.Empty:
        """Cancel all jobs and end the master; returns at once."""
        if self._shutdown is None and not self._closed:
            logger.info("The cluster is to shut down")
            self._shutdown = asyncio.get_running_loop().create_task(self._shut_down(), name="shut down the cluster")
        return pb.Empty()

    # ------------------------------------------------------------------ checkpoints and parallelism

    async def trigger_savepoint(self, request: pb.TriggerSavepointRequest) -> pb.OperationStarted:
        """Begin a savepoint; its end is awaited by :meth:`await_operation`.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the job does not run, or the request is not understood.
        """
        mode = _savepoint_mode(request.mode)
        format_name = request.format or "CANONICAL"
        if format_name not in _FORMATS:
            raise MillstreamError(f"There is no savepoint format {format_name!r}; it is one of {', '.join(_FORMATS)}.")
        directory, job_id = request.target_directory, _parse(request.job_id)

        async def work(job_master: JobMasterControl) -> pb.OperationStatus:
            status = await job_master.savepoint(directory, mode, format_name)
            if mode in (SavepointMode.STOP, SavepointMode.DRAIN) and not status.HasField("failure"):
                # Who hears that the job has stopped lets another one go on: no later leader may run this one then.
                await self._jobs.wait_ended(job_id)
            return status

        return await self._operate(request, work)

    async def trigger_checkpoint(self, request: pb.TriggerCheckpointRequest) -> pb.OperationStarted:
        """Begin a checkpoint; its end is awaited by :meth:`await_operation`.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the job does not run.
        """
        full = request.full
        return await self._operate(request, lambda job_master: job_master.checkpoint(full=full))

    async def rescale_job(self, request: pb.RescaleJobRequest) -> pb.OperationStarted:
        """Begin to bring the job to another parallelism; its end is awaited by :meth:`await_operation`.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the job does not run.
        """
        parallelism = request.parallelism
        return await self._operate(request, lambda job_master: job_master.rescale(parallelism))

    async def await_operation(self, request: pb.AwaitOperationRequest) -> pb.OperationStatus:
        """Return what became of an operation as soon as it has ended, or that it has not after ``max_wait_ms``.

        :raises MillstreamError: there is no such operation.
        """
        wait_seconds = min(request.max_wait_ms / 1000, _LONGEST_WAIT_SECONDS)
        return await self._operations.wait(_parse(request.job_id), request.request_id, wait_seconds)

    async def dispose_savepoint(self, request: pb.DisposeSavepointRequest) -> pb.Empty:
        """Delete a savepoint, or the checkpoint of a job that has ended.

        :raises MillstreamError: there is none at this place, or a running job needs it.
        """
        running = {str(job_id) for job_id in self._jobs.running}
        thread = ThreadPoolExecutor(1, thread_name_prefix="dispose-of-snapshot")
        try:
            await asyncio.get_running_loop().run_in_executor(
                thread, dispose_snapshot, request.path, self._configuration, running
            )
        finally:
            thread.shutdown(wait=False)
        logger.info("The snapshot %s was disposed of", request.path)
        return pb.Empty()

    async def get_checkpoints(self, request: pb.JobRequest) -> JobCheckpoints:
        """Return what is known of a job's checkpoints.

        :raises JobNotFoundError: no such job.
        """
        return self._jobs.checkpoints(_parse(request.job_id))

    async def request_metric_dump(self, request: pb.Empty) -> MetricDump:
        """Return the metrics of this process, of the cluster, and of the running jobs. What cannot be had is left
        out.
        """
        scope = self._process_metrics.scope
        process = self._process_metrics.dump()
        process.metrics.append(running_jobs(len(self._jobs.running)))
        try:
            process.metrics.extend(cluster_metrics(await self._resource_overview()))
        except MillstreamError as error:
            logger.info("There are no metrics of TaskManagers and slots now: %s", error)
        jobs = [
            MetricGroupDump(scope=job.kind.value, variables=job.variables, metrics=metrics)
            for job_id, name, metrics in self._jobs.metrics()
            for job in (scope.job(job_id, name),)
        ]
        return MetricDump(groups=[process, *jobs], timestamp_ms=self._clock.now_ms())

    async def update_resource_requirements(self, request: pb.UpdateResourceRequirementsRequest) -> pb.Empty:
        """Let the job run on with other bounds of its vertices' parallelism; returns when that has begun.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the job does not run, or cannot have these bounds now.
        """
        job_master = await self._jobs.job_master(_parse(request.job_id))
        await job_master.update_requirements(request.vertices)
        return pb.Empty()

    async def report_client_heartbeat(self, request: pb.ClientHeartbeatRequest) -> pb.Empty:
        """The client that is attached to the job lives. That changes nothing for a job that outlives its client.

        :raises JobNotFoundError: no such job.
        """
        self._jobs.client_lives(_parse(request.job_id), request.expires_at_ms)
        return pb.Empty()

    async def _operate(
        self,
        request: pb.TriggerSavepointRequest | pb.TriggerCheckpointRequest | pb.RescaleJobRequest,
        work: Callable[[JobMasterControl], Coroutine[Any, Any, pb.OperationStatus]],
    ) -> pb.OperationStarted:
        job_id = _parse(request.job_id)
        if request.request_id and self._operations.find(job_id, request.request_id):
            return pb.OperationStarted(request_id=request.request_id)
        job_master = await self._jobs.job_master(job_id)
        request_id = self._operations.start(job_id, request.request_id, lambda: work(job_master))
        return pb.OperationStarted(request_id=request_id)

    # ------------------------------------------------------------------ inside

    def _name_checkpoint_directory(self, graph: JobGraph) -> None:
        """A successor must be able to read the job's checkpoints, also if nobody has thought of a place for them."""
        if self._default_checkpoint_directory is None:
            return
        settings = Configuration(self._configuration).add_all(Configuration.from_map(dict(graph.configuration)))
        if settings.get(CheckpointingOptions.DIRECTORY) is None:
            graph.configuration[CheckpointingOptions.DIRECTORY.key] = self._default_checkpoint_directory

    async def _resource_overview(self) -> pb.ClusterOverview:
        """Ask the ResourceManager, once more if it is another one than before."""
        known = self._resource_manager
        if known is not None:
            try:
                return await known.get_resource_overview(pb.Empty())
            except (FencingError, EndpointNotFoundError):
                self._resource_manager = None
        leader = await self._leaders.current(RESOURCE_MANAGER_ENDPOINT)
        self._resource_manager = self._rpc.connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # connect makes it concrete
            leader.address,
            RESOURCE_MANAGER_ENDPOINT,
            leader.session_id,
        )
        return await self._resource_manager.get_resource_overview(pb.Empty())

    async def _shut_down(self) -> None:
        try:
            await self._jobs.end_all()
        finally:
            if not self._left:
                self._on_shutdown()

    async def _publish(self, leader: LeaderInformation) -> None:
        try:
            await self._keeper.publish(DISPATCHER_ENDPOINT, leader)
        except LeadershipLostError as error:
            logger.info("The Dispatcher is not made known: %s", error)

    async def _stop_publishing(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.wait({self._publishing})


def _parse(job_id: str) -> JobID:
    try:
        return JobID.parse(job_id)
    except ValueError as error:
        raise JobNotFoundError(f"{error}.") from None


def _savepoint_mode(name: str) -> SavepointMode:
    try:
        return SavepointMode[name or SavepointMode.SAVEPOINT.name]
    except KeyError:
        raise MillstreamError(
            f"There is no savepoint mode {name!r}; it is one of {', '.join(mode.name for mode in SavepointMode)}."
        ) from None
