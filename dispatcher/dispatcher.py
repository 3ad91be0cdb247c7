"""The Dispatcher: takes jobs, starts a JobMaster for each, and knows what became of all of them.

A thin shell: the :class:`~millstream.dispatcher.job_table.JobTable` decides, this carries out and answers calls. It
never unpickles anything of a job and needs none of its packages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from millstream.common.clock import Clock
from millstream.common.config import ClusterOptions, Configuration, JobManagerOptions, RestOptions
from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.ids import IdFactory, JobID, LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway
from millstream.common.rpc.service import EndpointNotFoundError, FencingError, RpcService
from millstream.common.states import JobStatus
from millstream.common.version import VERSION
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.archived_jobs import ArchivedJobs
from millstream.dispatcher.job_graph_check import check_job_graph
from millstream.dispatcher.job_manager_runner import (
    JobManagerRunner,
    JobMasterControl,
    JobMasterFactory,
    create_job_master,
)
from millstream.dispatcher.job_table import (
    Action,
    AllJobsEnded,
    ArchiveJob,
    CancelJob,
    CloseJobMaster,
    JobTable,
    StartJobMaster,
)
from millstream.dispatcher.operations import Operations
from millstream.dispatcher.snapshot_disposal import dispose_snapshot
from millstream.jobmanager.checkpoint.events import SavepointMode

__all__ = ["DISPATCHER_ENDPOINT", "RESOURCE_MANAGER_ENDPOINT", "Dispatcher"]

logger = logging.getLogger(__name__)

DISPATCHER_ENDPOINT: Final = "dispatcher"
RESOURCE_MANAGER_ENDPOINT: Final = "resourcemanager"

_LONGEST_WAIT_SECONDS: Final = 3600.0
"""No call for a result is held back longer, whatever it asks for."""
_FORMATS: Final = ("CANONICAL", "NATIVE")


class Dispatcher:
    """Serves :class:`~millstream.common.rpc.gateways.DispatcherGateway` as endpoint ``dispatcher``.

    :param on_shutdown: called once, when the cluster was asked to shut down and its jobs have ended.
    :param job_master_factory: makes the JobMaster of a job; the real one if not given.
    """

    def __init__(
        self,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        resource_manager_address: str,
        on_shutdown: Callable[[], None],
        job_master_factory: JobMasterFactory = create_job_master,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._configuration = configuration
        self._ids = ids
        self._resource_manager_address = resource_manager_address
        self._on_shutdown = on_shutdown
        self._job_master_factory = job_master_factory
        self._leader_session_id = ids.leader_session_id()
        shutdown_seconds = configuration.get(ClusterOptions.SHUTDOWN_TIMEOUT).total_seconds()
        # A third for the jobs to end, a third for their JobMasters to close: the rest is for the process around.
        self._step_seconds = shutdown_seconds / 3
        self._archive = ArchivedJobs(
            clock,
            configuration.get(JobManagerOptions.JOB_STORE_MAX_CAPACITY),
            configuration.get(JobManagerOptions.JOB_STORE_EXPIRATION_TIME),
        )
        self._operations = Operations(clock, ids, configuration.get(RestOptions.ASYNC_STORE_DURATION))
        self._table = JobTable()
        self._runners: dict[JobID, JobManagerRunner] = {}
        self._results: dict[JobID, asyncio.Future[pb.JobDetails]] = {}
        self._all_ended: asyncio.Future[None] | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._resource_manager: ResourceManagerGateway | None = None
        self._closed = False

    @property
    def leader_session_id(self) -> LeaderSessionId:
        """Fencing token of the endpoint."""
        return self._leader_session_id

    async def start(self) -> None:
        """Begin to take jobs."""
        self._all_ended = asyncio.get_running_loop().create_future()
        self._rpc.register(
            DispatcherGateway,  # type: ignore[type-abstract]  # names the service only
            DISPATCHER_ENDPOINT,
            self,
            self._leader_session_id,
        )

    async def close(self) -> None:
        """Cancel all jobs, give them a while to end, close their JobMasters. May be called twice."""
        if self._closed or self._all_ended is None:
            return
        self._closed = True
        if self._shutdown is not None:
            await asyncio.wait({self._shutdown})
        else:
            await self._end_all_jobs()
        await self._operations.close()
        self._rpc.unregister(DISPATCHER_ENDPOINT)

    # ------------------------------------------------------------------ calls

    async def submit_job(self, request: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        """Accept a job and start it.

        :raises InvalidProgramError: the graph cannot be run.
        :raises DuplicateJobError: a job with this id is known already.
        """
        graph = request.job_graph
        job_id = check_job_graph(graph)
        ended = self._archive.get(job_id)
        if ended is not None:
            raise DuplicateJobError(
                f"Job {job_id} was submitted before and has ended ({ended.summary.state}); submit it under a new id."
            )
        self._run(job_id, graph)
        logger.info(
            "Job %s (%s) was submitted: %d vertices, %d tasks",
            job_id,
            graph.name,
            len(graph.vertices),
            sum(vertex.parallelism for vertex in graph.vertices),
        )
        return pb.SubmitJobResponse(job_id=job_id)

    async def list_jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        """Return all running and archived jobs, the earliest started first."""
        jobs: list[pb.JobSummary] = [details.summary for details in self._archive]
        jobs += [runner.details().summary for job_id, runner in self._runners.items() if job_id not in self._archive]
        jobs.sort(key=lambda job: (job.start_time_ms, job.job_id))
        return pb.ListJobsResponse(jobs=jobs)

    async def get_job_details(self, request: pb.JobRequest) -> pb.JobDetails:
        """Return the job as it stands, with fresh metrics if it runs.

        :raises JobNotFoundError: no such job.
        """
        job_id = _parse(request.job_id)
        runner = self._runners.get(job_id)
        if runner is not None and job_id not in self._archive:
            await runner.refresh_metrics()
        return self._details(job_id)

    async def await_job_result(self, request: pb.AwaitJobResultRequest) -> pb.JobDetails:
        """Return the job's last report as soon as it has ended, or its current one after ``max_wait_ms``.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: the cluster was shut down before the job ended.
        """
        job_id = _parse(request.job_id)
        result = self._results.get(job_id)
        if result is None:
            return self._details(job_id)
        if request.max_wait_ms > 0:
            await asyncio.wait({result}, timeout=min(request.max_wait_ms / 1000, _LONGEST_WAIT_SECONDS))
        if not result.done():
            return self._details(job_id)
        if result.cancelled():
            raise MillstreamError(f"The cluster was shut down before job {job_id} had ended.")
        return result.result()

    async def cancel_job(self, request: pb.JobRequest) -> pb.Empty:
        """Cancel the job; returns when that has begun. A cancelled job may be cancelled again.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: it has ended otherwise.
        """
        job_id = _parse(request.job_id)
        ended = self._archive.get(job_id)
        if ended is not None:
            if ended.summary.state == JobStatus.CANCELED.name:
                return pb.Empty()
            raise MillstreamError(
                f"Job {job_id} cannot be cancelled: it has already reached another terminal state "
                f"({ended.summary.state})."
            )
        self._require(job_id)
        logger.info("Job %s is to be cancelled", job_id)
        self._carry_out(self._table.cancel(job_id))
        return pb.Empty()

    async def get_cluster_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        """Return what the ResourceManager knows of slots, with the jobs counted."""
        overview = await self._resource_overview()
        ended = self._archive.counts_by_state()
        overview.jobs_running = sum(1 for job_id in self._runners if job_id not in self._archive)
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
        job_id = _parse(request.job_id)
        job_master = await self._job_master(job_id)
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
        directory = request.target_directory
        return await self._operate(request, lambda job_master: job_master.savepoint(directory, mode, format_name))

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
        running = {str(job_id) for job_id in self._runners if job_id not in self._archive}
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
        job_id = _parse(request.job_id)
        archived = self._archive.checkpoints(job_id)
        return archived if archived is not None else self._require(job_id).job_master.checkpoints()

    async def _operate(
        self,
        request: pb.TriggerSavepointRequest | pb.TriggerCheckpointRequest | pb.RescaleJobRequest,
        work: Callable[[JobMasterControl], Coroutine[Any, Any, pb.OperationStatus]],
    ) -> pb.OperationStarted:
        job_id = _parse(request.job_id)
        if request.request_id and self._operations.find(job_id, request.request_id):
            return pb.OperationStarted(request_id=request.request_id)
        job_master = await self._job_master(job_id)
        request_id = self._operations.start(job_id, request.request_id, lambda: work(job_master))
        return pb.OperationStarted(request_id=request_id)

    async def _job_master(self, job_id: JobID) -> JobMasterControl:
        """The JobMaster of a job that runs, or will in a moment."""
        runner = self._runners.get(job_id)
        if runner is not None:
            await runner.wait_started()
        if runner is None or not runner.running:
            state = self._details(job_id).summary.state
            raise MillstreamError(f"Job {job_id} is {state}: it does not run.")
        return runner.job_master

    # ------------------------------------------------------------------ what becomes of a job (RunnerListener)

    def job_started(self, job_id: JobID) -> None:
        """The job's JobMaster runs."""
        self._carry_out(self._table.started(job_id))

    def job_ended(self, job_id: JobID, details: pb.JobDetails) -> None:
        """The job is in a terminal state."""
        self._carry_out(self._table.ended(job_id, details))

    def job_closed(self, job_id: JobID) -> None:
        """The job's JobMaster is closed."""
        self._carry_out(self._table.closed(job_id))
        self._runners.pop(job_id, None)
        result = self._results.pop(job_id, None)
        if result is not None and not result.done():
            result.cancel()

    # ------------------------------------------------------------------ inside

    def _run(self, job_id: JobID, graph: JobGraph) -> None:
        """Put a job into the table and start its JobMaster."""
        actions = self._table.submit(job_id)
        try:
            self._runners[job_id] = JobManagerRunner(
                job_id,
                graph,
                self._clock,
                lambda on_terminal: self._job_master_factory(
                    graph,
                    self._rpc,
                    self._clock,
                    self._configuration,
                    self._ids,
                    self._resource_manager_address,
                    on_terminal,
                ),
                self,
                self._step_seconds,
            )
        except Exception:
            self._carry_out(self._table.closed(job_id))  # it never was: the client is told why
            raise
        self._results[job_id] = asyncio.get_running_loop().create_future()
        self._carry_out(actions)

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, StartJobMaster):
                self._runners[action.job_id].start()
            elif isinstance(action, CancelJob):
                self._runners[action.job_id].cancel()
            elif isinstance(action, ArchiveJob):
                self._job_has_ended(action.job_id, action.details)
            elif isinstance(action, CloseJobMaster):
                self._runners[action.job_id].close_soon()
            elif isinstance(action, AllJobsEnded) and self._all_ended is not None:
                self._all_ended.set_result(None)

    def _job_has_ended(self, job_id: JobID, details: pb.JobDetails) -> None:
        summary = details.summary
        logger.info(
            "Job %s (%s) is %s after %d ms",
            job_id,
            summary.name,
            summary.state,
            max(0, summary.end_time_ms - summary.start_time_ms),
        )
        self._archive.add(job_id, details, self._runners[job_id].job_master.checkpoints())
        result = self._results.get(job_id)
        if result is not None and not result.done():
            result.set_result(details)

    def _details(self, job_id: JobID) -> pb.JobDetails:
        ended = self._archive.get(job_id)
        return ended if ended is not None else self._require(job_id).details()

    def _require(self, job_id: JobID) -> JobManagerRunner:
        runner = self._runners.get(job_id)
        if runner is None:
            raise JobNotFoundError(
                f"No job has the id {job_id}: it never was in this cluster, or it ended so long ago that it is "
                f"forgotten ({JobManagerOptions.JOB_STORE_EXPIRATION_TIME.key}, "
                f"{JobManagerOptions.JOB_STORE_MAX_CAPACITY.key})."
            )
        return runner

    async def _resource_overview(self) -> pb.ClusterOverview:
        """Ask the ResourceManager, once more if it is another one than before."""
        known = self._resource_manager
        if known is not None:
            try:
                return await known.get_resource_overview(pb.Empty())
            except (FencingError, EndpointNotFoundError):
                self._resource_manager = None
        address = self._resource_manager_address
        token = await self._rpc.leader_session_id(address, RESOURCE_MANAGER_ENDPOINT)
        self._resource_manager = self._rpc.connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # connect makes it concrete
            address,
            RESOURCE_MANAGER_ENDPOINT,
            token,
        )
        return await self._resource_manager.get_resource_overview(pb.Empty())

    async def _shut_down(self) -> None:
        try:
            await self._end_all_jobs()
        finally:
            self._on_shutdown()

    async def _end_all_jobs(self) -> None:
        """Cancel all jobs and wait a bounded while for their end; then close what is left."""
        assert self._all_ended is not None, "the Dispatcher was not started"
        self._carry_out(self._table.shut_down())
        await asyncio.wait({self._all_ended}, timeout=self._step_seconds)
        if not self._all_ended.done():
            left = [job_id for job_id in self._runners if job_id not in self._archive]
            logger.warning("Closing without waiting longer for jobs that do not end: %s", ", ".join(left) or "none")
            self._carry_out(self._table.give_up())
            # Bounded: each runner gives its JobMaster a time limit.
            await asyncio.gather(*(runner.wait_closed() for runner in list(self._runners.values())))


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
