"""The jobs of one Dispatcher: carries out what the job table decides.

Here are the tasks, the JobMasters and those who wait; the :class:`~millstream.dispatcher.job_table.JobTable` says what
comes next, the :class:`~millstream.dispatcher.job_keeper.JobKeeper` keeps what a successor must know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, JobManagerOptions, MetricOptions
from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import JobID
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.dispatcher.archived_jobs import ArchivedJobs
from millstream.dispatcher.client_watch import ClientWatch
from millstream.dispatcher.history.archivist import Archivist
from millstream.dispatcher.job_graph_check import check_job_graph
from millstream.dispatcher.job_keeper import JobKeeper
from millstream.dispatcher.job_manager_runner import JobManagerRunner, JobMasterControl
from millstream.dispatcher.job_reports import (
    cancelled_early,
    summary_without_end,
    taken_up,
    with_checkpoints,
    without_checkpoints,
    without_end,
)
from millstream.dispatcher.job_table import (
    Action,
    AllJobsEnded,
    ArchiveJob,
    CancelJob,
    CloseJobMaster,
    ForgetResult,
    JobPhase,
    JobTable,
    ReadGraph,
    RemoveJobData,
    StartJobMaster,
    StoreGraph,
    StoreResult,
)
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.patience import patiently

__all__ = ["DispatchedJobs", "JobMasterLeftOpenError"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_MOST_READS: Final = 12
"""So often the graph of a job that has ended is read: over about half a minute."""


class JobMasterLeftOpenError(MillstreamError):
    """A JobMaster could not be closed: something of it may go on."""


class _Recovery:
    """A job of an earlier leader whose graph is not read yet."""

    __slots__ = ("report", "try_now")

    def __init__(self, report: pb.JobDetails) -> None:
        self.report = report
        self.try_now = asyncio.Event()


class DispatchedJobs:
    """All jobs that run, and those that ended as long as they are remembered.

    :param make_job_master: makes the JobMaster of a job, given what to call at its end; raises for a graph that it
        cannot run.
    :param delete_checkpoints: deletes what is not retained of the checkpoints of a job that has ended, where its
        JobMaster did not come to that.
    :param step_seconds: how long the jobs may take to end when the cluster ends, and how long closing a JobMaster may.
    :param archivist: is told of each job that has ended; ``None``: jobs are not archived. Not owned.
    """

    def __init__(
        self,
        clock: Clock,
        configuration: Configuration,
        keeper: JobKeeper,
        make_job_master: Callable[[JobGraph, Callable[[pb.JobDetails], None]], JobMasterControl],
        delete_checkpoints: Callable[[JobGraph, JobStatus], Awaitable[None]],
        step_seconds: float,
        archivist: Archivist | None = None,
    ) -> None:
        self._clock = clock
        self._archivist = archivist
        self._keeper = keeper
        self._make_job_master = make_job_master
        self._checkpoints_deletion = delete_checkpoints
        self._step_seconds = step_seconds
        self._metrics_age_ms = round(configuration.get(MetricOptions.FETCHER_UPDATE_INTERVAL).total_seconds() * 1000)
        self._archive = ArchivedJobs(
            clock,
            configuration.get(JobManagerOptions.JOB_STORE_MAX_CAPACITY),
            configuration.get(JobManagerOptions.JOB_STORE_EXPIRATION_TIME),
            self._left_archive,
        )
        self._table = JobTable()
        self._runners: dict[JobID, JobManagerRunner] = {}
        self._recoveries: dict[JobID, _Recovery] = {}
        self._graphs: dict[JobID, JobGraph] = {}  # which are being kept
        self._submissions: dict[JobID, asyncio.Task[Exception | None]] = {}
        self._results: dict[JobID, asyncio.Future[pb.JobDetails]] = {}
        self._files_left: dict[JobID, JobStatus] = {}  # ended jobs whose checkpoints may not all be deleted
        self._clients = ClientWatch(clock, self._client_is_gone)
        self._tasks = BackgroundTasks("jobs")
        self._all_ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost: str | None = None
        self._left_open: list[JobID] = []

    # ------------------------------------------------------------------ what there is

    @property
    def running(self) -> list[JobID]:
        """The jobs that have not ended, as far as anybody may be told."""
        known = (job_id for job_id in (*self._runners, *self._recoveries) if job_id not in self._archive)
        return list(dict.fromkeys(known))

    @property
    def ended(self) -> ArchivedJobs:
        """The jobs that have ended."""
        return self._archive

    def details(self, job_id: JobID) -> pb.JobDetails:
        """Return the job as it stands.

        :raises JobNotFoundError: no such job.
        """
        ended = self._archive.get(job_id)
        if ended is not None:
            return ended
        if job_id in self._recoveries:
            return self._recoveries[job_id].report
        return without_end(self._runner(job_id).details())

    def summary(self, job_id: JobID) -> pb.JobSummary:
        """Return the job as it stands, in one line.

        :raises JobNotFoundError: no such job.
        """
        ended = self._archive.get(job_id)
        if ended is not None:
            return ended.summary
        if job_id in self._recoveries:
            return self._recoveries[job_id].report.summary
        return summary_without_end(self._runner(job_id).summary())

    async def refresh_metrics(self, job_id: JobID) -> None:
        """Bring the figures of a job's tasks up to date, as far as that goes quickly."""
        if job_id in self._runners and job_id not in self._archive:
            await self._runners[job_id].refresh_metrics()

    def look_at_metrics(self, job_id: JobID) -> None:
        """Somebody looks at the figures of a job's tasks; they may be as old as ``metrics.fetcher.update-interval``."""
        if job_id in self._runners and job_id not in self._archive:
            self._runners[job_id].look_at_metrics()

    def metrics(self) -> Iterator[tuple[JobID, str, Sequence[MetricValue]]]:
        """The metrics of each job that has a JobMaster and has not ended, with the job's id and name."""
        for job_id, runner in self._runners.items():
            if runner.running and job_id not in self._archive:
                yield job_id, runner.summary().name, runner.job_master.metrics()

    def checkpoints(self, job_id: JobID) -> JobCheckpoints:
        """Return what is known of the job's checkpoints: nothing if it has not been taken up under this leader.

        :raises JobNotFoundError: no such job.
        """
        archived = self._archive.checkpoints(job_id)
        if archived is not None:
            return archived
        return JobCheckpoints() if job_id in self._recoveries else self._runner(job_id).job_master.checkpoints()

    async def job_master(self, job_id: JobID) -> JobMasterControl:
        """Return the JobMaster of a job that runs, or will in a moment.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: it does not run.
        """
        runner = self._runners.get(job_id)
        if runner is not None:
            await runner.wait_started()
        if runner is None or not runner.running:
            state = self.details(job_id).summary.state
            raise MillstreamError(f"Job {job_id} is {state}: it does not run.")
        return runner.job_master

    async def wait_result(self, job_id: JobID, seconds: float) -> pb.JobDetails:
        """Return the job's last report as soon as it has ended, or its current one after a time.

        :raises JobNotFoundError: no such job.
        :raises LeadershipLostError: this master does not lead any more.
        :raises MillstreamError: the cluster was shut down before the job ended.
        """
        result = self._results.get(job_id)
        if result is None:
            return self.details(job_id)
        if seconds > 0:
            await asyncio.wait({result}, timeout=seconds)
        if not result.done():
            return self.details(job_id)
        if not result.cancelled():
            return result.result()
        if self._lost is not None:
            raise LeadershipLostError(
                f"This master does not lead any more ({self._lost}); ask the leader for {job_id}."
            )
        if self._table.shutting_down:
            raise MillstreamError(f"The cluster was shut down before job {job_id} had ended.")
        return self.details(job_id)  # it was not taken, so this raises

    async def wait_ended(self, job_id: JobID) -> None:
        """Return when the job has ended for certain: no later leader will run it.

        :raises MillstreamError: nobody can tell, for the master leads no more or is shut down.
        """
        result = self._results.get(job_id)
        if result is None:
            return
        await asyncio.wait({result})
        if result.cancelled():
            raise MillstreamError(f"Whether job {job_id} has ended is not known: {self._lost or 'this master ends'}.")

    # ------------------------------------------------------------------ how jobs come and go

    async def find(self) -> None:
        """Find out which jobs earlier leaders have left, however long that takes."""
        kept = await self._keeper.kept_jobs()
        ended = [(JobID(job.summary.job_id), *without_checkpoints(job)) for job in kept.results]
        for job_id, details, checkpoints in ended:
            self._archive.add(job_id, details, checkpoints, archived_ms=details.summary.end_time_ms)
        if self._archivist is not None:
            self._archivist.ended_earlier(ended)
        if kept.results:
            logger.info("Remembers %d jobs that ended under an earlier leader", len(kept.results))
        for job_id in kept.to_run:
            logger.info("Job %s was taken by an earlier leader: taking it up", job_id)
            self._recoveries[job_id] = _Recovery(taken_up(job_id, self._clock.now_ms()))
            self._results[job_id] = asyncio.get_running_loop().create_future()
            self._carry_out(self._table.recover(job_id))
        # A job that has no tasks in its report could not be begun: its checkpoints are left for its user to go on from.
        states = {
            JobID(details.summary.job_id): JobStatus(details.summary.state)
            for details in kept.results
            if details.vertices
        }
        for job_id in kept.to_clean:
            logger.info("Job %s ended under an earlier leader: removing what is left of it", job_id)
            if job_id in states:
                self._files_left[job_id] = states[job_id]
            self._carry_out(self._table.recover_ended(job_id))

    async def submit(self, graph: JobGraph) -> None:
        """Take a job. When this returns it will be run, whoever leads.

        :raises DuplicateJobError: a job with this id is known already.
        :raises InvalidProgramError: the JobMaster refuses it.
        :raises LeadershipLostError: this master does not lead any more; nobody can tell whether the job was taken.
        :raises MillstreamError: the job could not be kept, and was not taken.
        """
        job_id = JobID(graph.job_id)
        earlier = self._submissions.get(job_id)
        if earlier is not None:  # perhaps the same client, tired of waiting: it must not hear of success too soon
            await self._submitted(job_id, earlier)
        ended = self._archive.get(job_id)
        if ended is not None:
            raise _ended_before(job_id, ended)
        actions = self._table.submit(job_id)
        try:
            self._runners[job_id] = self._make_runner(job_id, graph)
        except Exception:
            self._carry_out(self._table.impossible(job_id))  # the client is told why
            raise
        self._results[job_id] = asyncio.get_running_loop().create_future()
        self._graphs[job_id] = graph
        self._carry_out(actions)
        await self._submitted(job_id, self._submissions[job_id])

    def cancel(self, job_id: JobID) -> None:
        """Cancel the job, at once or as soon as it has started. A cancelled job may be cancelled again.

        :raises JobNotFoundError: no such job.
        :raises MillstreamError: it has ended otherwise.
        """
        ended = self._archive.get(job_id)
        if ended is not None:
            if ended.summary.state == JobStatus.CANCELED.name:
                return
            raise MillstreamError(
                f"Job {job_id} cannot be cancelled: it has already reached another terminal state "
                f"({ended.summary.state})."
            )
        self.details(job_id)  # raises if there is none
        logger.info("Job %s is to be cancelled", job_id)
        self._carry_out(self._table.cancel(job_id))
        if job_id in self._recoveries:
            self._recoveries[job_id].try_now.set()

    def client_lives(self, job_id: JobID, expires_at_ms: int) -> None:
        """The client that is attached to the job lives, and is to be believed to until then.

        :raises JobNotFoundError: no such job.
        """
        self.summary(job_id)  # raises if there is none
        self._clients.reported(job_id, expires_at_ms)

    def _client_is_gone(self, job_id: JobID) -> None:
        logger.warning(
            "Job %s is cancelled: it was to end with its client, which has not been heard of within "
            "client.heartbeat.timeout",
            job_id,
        )
        try:
            self.cancel(job_id)
        except MillstreamError as error:
            logger.info("Job %s has ended before that: %s", job_id, error)

    async def end_all(self) -> None:
        """Cancel all jobs and wait a bounded while for their end; then close what is left."""
        self._clients.close()
        self._carry_out(self._table.shut_down())
        await asyncio.wait({self._all_ended}, timeout=self._step_seconds)
        if not self._all_ended.done():
            logger.warning(
                "Closing without waiting longer for jobs that do not end: %s", ", ".join(self.running) or "none"
            )
            await self._close_as_they_are()
        await self._tasks.close()

    def leave(self, reason: str) -> list[JobID]:
        """Leave all jobs to the next leader, at once: begin to close the JobMasters, and keep no caller waiting.

        :return: the jobs that have a JobMaster.
        """
        self._lost = reason
        self._clients.close()
        for runner in self._runners.values():
            runner.stop_starting()
        for result in self._results.values():
            result.cancel()
        self._carry_out(self._table.give_up())
        return list(self._runners)

    async def left(self) -> None:
        """Return when nothing goes on any more of what :meth:`leave` has left.

        :raises JobMasterLeftOpenError: something does.
        """
        await self._tasks.close()
        await self._close_as_they_are()
        if self._left_open:
            raise JobMasterLeftOpenError(
                f"These jobs have a JobMaster that does not close, though another leader is to run them: "
                f"{', '.join(self._left_open)}"
            )

    # ------------------------------------------------------------------ what becomes of a job (RunnerListener)

    def job_started(self, job_id: JobID) -> None:
        """The job's JobMaster runs."""
        self._carry_out(self._table.started(job_id))

    def job_ended(self, job_id: JobID, details: pb.JobDetails) -> None:
        """The job is in a terminal state."""
        self._carry_out(self._table.ended(job_id, details))

    def job_closed(self, job_id: JobID) -> None:
        """The job's JobMaster is closed."""
        if self._runners[job_id].left_open:
            self._left_open.append(job_id)
        ended = self._archive.get(job_id)
        if ended is not None and self._runners[job_id].job_master.has_left_files:
            self._files_left[job_id] = JobStatus(ended.summary.state)
        del self._runners[job_id]
        self._clients.forget(job_id)
        result = self._results.pop(job_id, None)
        if result is not None:
            result.cancel()
        self._carry_out(self._table.closed(job_id))

    # ------------------------------------------------------------------ inside

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case StoreGraph(job_id):
                    self._submissions[job_id] = self._tasks.spawn(self._keep_graph(job_id), f"keep graph of {job_id}")
                case ReadGraph(job_id):
                    self._tasks.spawn(self._take_up(job_id), f"take up {job_id}")
                case StartJobMaster(job_id):
                    self._runners[job_id].start()
                case CancelJob(job_id):
                    self._runners[job_id].cancel()
                case StoreResult(job_id, details):
                    kept = with_checkpoints(details, self.checkpoints(job_id))
                    self._tasks.spawn(self._keep_result(job_id, kept), f"keep result of {job_id}")
                case ArchiveJob(job_id, details):
                    self._job_has_ended(job_id, details)
                case CloseJobMaster(job_id):
                    self._runners[job_id].close_soon()
                case RemoveJobData(job_id, has_result):
                    self._tasks.spawn(self._clean(job_id, has_result), f"clean up {job_id}")
                case ForgetResult(job_id):
                    self._tasks.spawn(self._forget(job_id), f"forget {job_id}")
                case AllJobsEnded():
                    self._all_ended.set_result(None)

    async def _close_as_they_are(self) -> None:
        runners = list(self._runners.values())
        self._carry_out(self._table.give_up())
        # Bounded: each runner gives its JobMaster a time limit.
        await asyncio.gather(*(runner.wait_closed() for runner in runners))

    def _make_runner(self, job_id: JobID, graph: JobGraph) -> JobManagerRunner:
        self._clients.watch(job_id, graph.client_heartbeat_timeout_ms)
        return JobManagerRunner(
            job_id,
            graph,
            self._clock,
            lambda on_terminal: self._make_job_master(graph, on_terminal),
            self,
            self._step_seconds,
            self._metrics_age_ms,
        )

    def _runner(self, job_id: JobID) -> JobManagerRunner:
        runner = self._runners.get(job_id)
        if runner is None:
            raise JobNotFoundError(
                f"No job has the id {job_id}: it never was in this cluster, or it ended so long ago that it is "
                f"forgotten ({JobManagerOptions.JOB_STORE_EXPIRATION_TIME.key}, "
                f"{JobManagerOptions.JOB_STORE_MAX_CAPACITY.key})."
            )
        return runner

    async def _submitted(self, job_id: JobID, submission: asyncio.Task[Exception | None]) -> None:
        """Wait until a graph is kept; a caller that does not wait any longer changes nothing for the job."""
        await asyncio.wait({submission})
        if submission.cancelled():
            raise LeadershipLostError(
                f"This master does not lead any more ({self._lost}), and nobody can tell whether job {job_id} was "
                "taken; submit it again, under the same id, to the leader."
            )
        error = submission.result()
        if error is not None:
            raise error

    async def _keep_graph(self, job_id: JobID) -> Exception | None:
        """Returns what those who wait are to be told."""
        graph = self._graphs[job_id]
        try:
            ended = await self._keeper.result(job_id)
            if ended is not None:
                self._carry_out(self._table.not_accepted(job_id, may_be_kept=False))
                return _ended_before(job_id, ended)
            await self._keeper.keep_graph(graph)
        except LeadershipLostError as error:
            return error
        except Exception as error:  # noqa: BLE001  # whoever submitted the job is told
            self._carry_out(self._table.not_accepted(job_id, may_be_kept=True))
            return error
        finally:
            del self._graphs[job_id], self._submissions[job_id]
        logger.info(
            "Job %s (%s) was submitted: %d vertices, %d tasks",
            job_id,
            graph.name,
            len(graph.vertices),
            sum(vertex.parallelism for vertex in graph.vertices),
        )
        self._carry_out(self._table.accepted(job_id))
        return None

    async def _take_up(self, job_id: JobID) -> None:
        """Read a job's graph and run it. Until that can be done nothing of the job is touched, so nothing is lost: it
        is shown with what is wrong, tried again and again, and may be cancelled.
        """
        recovery = self._recoveries[job_id]
        pause = _FIRST_PAUSE_SECONDS
        while self._table.phase(job_id) is JobPhase.READING:
            recovery.try_now.clear()
            try:
                graph = await self._keeper.graph(job_id)
                if self._table.phase(job_id) is not JobPhase.READING:
                    return
                check_job_graph(graph)
                self._runners[job_id] = self._make_runner(job_id, graph)
            except LeadershipLostError as error:
                logger.info("Job %s is not taken up: %s", job_id, error)
                return
            except Exception as error:  # other jobs must run all the same, and this one stays as it is
                trouble = f"Job {job_id} cannot be taken up; it is kept, and the next try is in {pause:g} s"
                if isinstance(error, MillstreamError):
                    logger.warning("%s: %s", trouble, error)
                else:
                    logger.exception("%s", trouble)
                now_ms = self._clock.now_ms()
                recovery.report = taken_up(job_id, now_ms, error)
                self._carry_out(self._table.unreadable(job_id, cancelled_early(recovery.report, now_ms)))
            else:
                del self._recoveries[job_id]
                self._carry_out(self._table.graph_read(job_id))
                return
            if self._table.phase(job_id) is JobPhase.READING:
                await _wait(recovery.try_now, pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _keep_result(self, job_id: JobID, details: pb.JobDetails) -> None:
        try:
            await self._keeper.keep_result(job_id, details)
        except LeadershipLostError as error:
            logger.warning("Job %s is %s, but the next leader has to find that out: %s", job_id, _state(details), error)
        else:
            self._carry_out(self._table.result_stored(job_id))

    async def _clean(self, job_id: JobID, has_result: bool) -> None:
        try:
            ended_as = self._files_left.pop(job_id, None)
            if ended_as is not None:
                await self._delete_checkpoints(job_id, ended_as)
            await self._keeper.remove_job(job_id, has_result)
        except LeadershipLostError as error:
            logger.info("The next leader removes what is left of job %s: %s", job_id, error)
        else:
            self._carry_out(self._table.cleaned(job_id))

    async def _delete_checkpoints(self, job_id: JobID, ended_as: JobStatus) -> None:
        """Do what the job's JobMaster, here or under an earlier leader, may not have come to."""
        attempts = count(1)
        try:
            graph = await patiently(
                f"The graph of job {job_id}, which has ended, cannot be read",
                lambda: self._keeper.graph(job_id),
                lambda error: not isinstance(error, JobNotFoundError) and next(attempts) < _MOST_READS,
            )
            await self._checkpoints_deletion(graph, ended_as)
        except JobNotFoundError:
            return  # it was done: the graph is removed after the checkpoints
        except LeadershipLostError:
            raise
        except MillstreamError as error:
            logger.warning("The checkpoints of job %s, which has ended, may be left behind: %s", job_id, error)

    async def _forget(self, job_id: JobID) -> None:
        try:
            await self._keeper.forget_result(job_id)
        except LeadershipLostError as error:
            logger.info("The next leader forgets job %s: %s", job_id, error)

    def _left_archive(self, job_id: JobID) -> None:
        self._carry_out(self._table.expired(job_id))

    def _job_has_ended(self, job_id: JobID, details: pb.JobDetails) -> None:
        summary = details.summary
        logger.info(
            "Job %s (%s) is %s after %d ms",
            job_id,
            summary.name,
            summary.state,
            max(0, summary.end_time_ms - summary.start_time_ms),
        )
        self._clients.forget(job_id)
        if job_id in self._runners:
            self._runners[job_id].job_master.result_kept()
        checkpoints = self.checkpoints(job_id)
        self._archive.add(job_id, details, checkpoints)
        if self._archivist is not None:
            self._archivist.job_ended(job_id, details, checkpoints)
        self._recoveries.pop(job_id, None)
        result = self._results.pop(job_id, None)
        if result is not None and not result.done():
            result.set_result(details)


def _ended_before(job_id: JobID, details: pb.JobDetails) -> DuplicateJobError:
    return DuplicateJobError(
        f"Job {job_id} was submitted before and has ended ({_state(details)}); submit it under a new id."
    )


def _state(details: pb.JobDetails) -> str:
    return details.summary.state


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after a time."""
    # Not wait_for: before Python 3.12 it can swallow a cancellation that meets the event.
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
