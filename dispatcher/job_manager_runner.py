"""Runs one job's JobMaster for the Dispatcher: starts it, closes it, and reports both.

The JobMaster is jobmanager's; here are only the tasks around it, so that the Dispatcher need not wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.ids import IdFactory, JobID
from millstream.common.rpc.service import RpcService
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary, OperationStatus, VertexParallelism
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.dispatcher.job_reports import cancelled_early, failed_to_start, first_report, waiting_to_start
from millstream.jobmanager.checkpoint.events import SavepointMode

__all__ = [
    "JobManagerRunner",
    "JobMasterControl",
    "JobMasterFactory",
    "RunnerListener",
    "create_job_master",
    "job_master_endpoint",
]

logger = logging.getLogger(__name__)

_METRICS_SECONDS: Final = 2.0
"""How long a report on a job waits for fresh figures of its tasks."""
_START_SECONDS: Final = 3.0
"""How long a request to a job waits for its JobMaster to start, which usually takes no time at all."""


class JobMasterControl(Protocol):
    """What the Dispatcher asks of a JobMaster."""

    async def start(self, on_trouble: Callable[[Exception], None]) -> None: ...

    def cancel(self) -> None: ...

    def details(self) -> JobDetails: ...

    def summary(self) -> JobSummary: ...

    def metrics(self) -> Sequence[MetricValue]: ...

    async def operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes: ...

    async def refresh_metrics(self) -> None: ...

    def checkpoints(self) -> JobCheckpoints: ...

    async def checkpoint(self, *, full: bool) -> OperationStatus: ...

    async def savepoint(self, directory: str, mode: SavepointMode, format_name: str) -> OperationStatus: ...

    async def rescale(self, parallelism: int) -> OperationStatus: ...

    async def update_requirements(self, bounds: Mapping[str, VertexParallelism]) -> None: ...

    def result_kept(self) -> None: ...

    @property
    def has_left_files(self) -> bool: ...

    async def close(self) -> None: ...


class JobMasterFactory(Protocol):
    """Makes the JobMaster of a job; raises a MillstreamError for a graph that it cannot run."""

    def __call__(
        self,
        job_graph: JobGraph,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_terminal: Callable[[JobDetails], None],
    ) -> JobMasterControl: ...


def create_job_master(
    job_graph: JobGraph,
    rpc: RpcService,
    clock: Clock,
    configuration: Configuration,
    ids: IdFactory,
    leaders: LeaderDirectory,
    leadership: Leadership,
    on_terminal: Callable[[JobDetails], None],
) -> JobMasterControl:
    """Make the real JobMaster."""
    from millstream.jobmanager.job_master import JobMaster  # tests of the Dispatcher do without it

    return JobMaster(job_graph, rpc, clock, configuration, ids, leaders, leadership, on_terminal)


def job_master_endpoint(job_id: JobID) -> str:
    """Return the name under which the job's JobMaster serves."""
    return f"jobmaster-{job_id}"


class RunnerListener(Protocol):
    """Is told of a JobMaster's life, on the event loop."""

    def job_started(self, job_id: JobID) -> None: ...

    def job_ended(self, job_id: JobID, details: JobDetails) -> None: ...

    def job_closed(self, job_id: JobID) -> None: ...


class JobManagerRunner:
    """The JobMaster of one job and the tasks that start and close it.

    :param make: makes the JobMaster, given what to call when the job has ended. Called at once, and what it raises
        goes to the caller.
    :param close_seconds: how long closing the JobMaster may take.
    :param metrics_age_ms: so old the figures of the job's tasks may become while somebody looks at them; 0: as old as
        they are.
    """

    def __init__(
        self,
        job_id: JobID,
        job_graph: JobGraph,
        clock: Clock,
        make: Callable[[Callable[[JobDetails], None]], JobMasterControl],
        listener: RunnerListener,
        close_seconds: float,
        metrics_age_ms: int,
    ) -> None:
        self._job_id = job_id
        self._clock = clock
        self._listener = listener
        self._close_seconds = close_seconds
        self._metrics_age_ms = metrics_age_ms
        self._refreshed_ms: int | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._accepted = self._report = first_report(job_graph, clock.now_ms())
        self._troubled = False
        self._cancelled = False
        self._running = False
        self._left_open = False
        self._starting: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._job_master = make(lambda details: listener.job_ended(job_id, details))

    @property
    def job_master(self) -> JobMasterControl:
        return self._job_master

    @property
    def running(self) -> bool:
        """The JobMaster has started and is not yet being closed."""
        return self._running and self._closing is None

    @property
    def left_open(self) -> bool:
        """The JobMaster was to be closed and did not close in time, or not cleanly: something of it may go on."""
        return self._left_open

    def start(self) -> None:
        """Start the JobMaster; the listener hears of it, or that the job has failed."""
        self._starting = self._task(self._start(), "start")

    async def wait_started(self) -> None:
        """Return when the JobMaster has started or could not be, or when that takes too long."""
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=_START_SECONDS)

    def cancel(self) -> None:
        """Cancel the job. One that waits for something to start is not waited for; one that is about to start is
        cancelled when this is called again then.
        """
        self._cancelled = True
        if self._running:
            self._job_master.cancel()
        elif self._troubled:
            self._start_no_more()

    def details(self) -> JobDetails:
        """Return the job as it stands."""
        return self._job_master.details() if self._running else self._report

    def summary(self) -> JobSummary:
        """Return the job as it stands, in one line."""
        return self._job_master.summary() if self._running else self._report.summary

    async def refresh_metrics(self) -> None:
        """Bring the figures of the job's tasks up to date, as far as that goes quickly. Who calls while it is being
        done waits for the same.
        """
        if self.running:
            await asyncio.wait({self._refresh()})

    def look_at_metrics(self) -> None:
        """Somebody looks at the figures of the job's tasks: if they are old there are newer ones in a moment."""
        now_ms = self._clock.now_ms()
        young = self._refreshed_ms is not None and now_ms - self._refreshed_ms < self._metrics_age_ms
        if self.running and self._metrics_age_ms and not young:
            self._refresh()

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None:
            self._refreshing = self._task(self._request_metrics(), "refresh metrics of")
        return self._refreshing

    async def _request_metrics(self) -> None:
        self._refreshed_ms = self._clock.now_ms()
        try:
            await asyncio.wait_for(self._job_master.refresh_metrics(), _METRICS_SECONDS)
        except asyncio.TimeoutError:
            logger.info("Job %s: its TaskManagers gave no fresh metrics within %g s", self._job_id, _METRICS_SECONDS)
        except Exception:  # old figures are better than no report
            logger.warning("Job %s: its metrics could not be brought up to date", self._job_id, exc_info=True)
        finally:
            self._refreshing = None

    def stop_starting(self) -> None:
        """Let a JobMaster that has not quite started not begin to serve; it is closed later."""
        if self._starting is not None:
            self._starting.cancel()

    def close_soon(self) -> None:
        """Close the JobMaster; the listener hears when that is done."""
        if self._closing is None:
            self._closing = self._task(self._close(), "close")

    async def wait_closed(self) -> None:
        """Return when the JobMaster is closed; :meth:`close_soon` must have been called."""
        if self._closing is not None:
            await asyncio.wait({self._closing})

    def _task(self, work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, name=f"{what} JobMaster {self._job_id}")

    async def _start(self) -> None:
        try:
            await self._job_master.start(self._trouble)
        except LeadershipLostError as error:
            # Not the job's failure: the next leader runs it, and this one is about to hear that it is none any more.
            logger.info("Job %s is not started here: %s", self._job_id, error)
            return
        except MillstreamError as error:
            logger.warning("Job %s cannot be started: %s", self._job_id, error)
            self._listener.job_ended(self._job_id, failed_to_start(self._accepted, error, self._clock.now_ms()))
            return
        except Exception as error:
            logger.exception("The JobMaster of job %s could not be started", self._job_id)
            self._listener.job_ended(self._job_id, failed_to_start(self._accepted, error, self._clock.now_ms()))
            return
        self._running = True
        self._listener.job_started(self._job_id)

    def _trouble(self, error: Exception) -> None:
        """The JobMaster waits for something without which it cannot start."""
        self._troubled = True
        self._report = waiting_to_start(self._accepted, error)
        if self._cancelled:
            self._start_no_more()

    def _start_no_more(self) -> None:
        """Nothing of the job was touched: it is left for its user to go on from."""
        self.stop_starting()
        self._listener.job_ended(self._job_id, cancelled_early(self._report, self._clock.now_ms()))

    async def _close(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing})
        try:
            await asyncio.wait_for(self._job_master.close(), self._close_seconds)
        except asyncio.TimeoutError:
            self._left_open = True
            logger.warning("The JobMaster of job %s did not close within %g s", self._job_id, self._close_seconds)
        except Exception:  # the job has ended all the same, and the next one must run
            self._left_open = True
            logger.exception("The JobMaster of job %s did not close cleanly", self._job_id)
        finally:
            self._listener.job_closed(self._job_id)
