"""Runs one job's JobMaster for the Dispatcher: starts it, closes it, and reports both.

The JobMaster is jobmanager's; here are only the tasks around it, so that the Dispatcher need not wait.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneLeadership
from millstream.common.ids import IdFactory, JobID
from millstream.common.rpc.service import RpcService
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary, OperationStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.checkpoint.events import SavepointMode

__all__ = ["JobManagerRunner", "JobMasterControl", "JobMasterFactory", "RunnerListener", "create_job_master"]

logger = logging.getLogger(__name__)

_METRICS_SECONDS: Final = 2.0
"""How long a report on a job waits for fresh figures of its tasks."""
_START_SECONDS: Final = 3.0
"""How long a request to a job waits for its JobMaster to start, which usually takes no time at all."""


class JobMasterControl(Protocol):
    """What the Dispatcher asks of a JobMaster."""

    async def start(self) -> None: ...

    def cancel(self) -> None: ...

    def details(self) -> JobDetails: ...

    async def operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes: ...

    async def refresh_metrics(self) -> None: ...

    def checkpoints(self) -> JobCheckpoints: ...

    async def checkpoint(self, *, full: bool) -> OperationStatus: ...

    async def savepoint(self, directory: str, mode: SavepointMode, format_name: str) -> OperationStatus: ...

    async def rescale(self, parallelism: int) -> OperationStatus: ...

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
        resource_manager_address: str,
        on_terminal: Callable[[JobDetails], None],
    ) -> JobMasterControl: ...


def create_job_master(
    job_graph: JobGraph,
    rpc: RpcService,
    clock: Clock,
    configuration: Configuration,
    ids: IdFactory,
    resource_manager_address: str,
    on_terminal: Callable[[JobDetails], None],
) -> JobMasterControl:
    """Make the real JobMaster."""
    from millstream.jobmanager.job_master import JobMaster  # tests of the Dispatcher do without it

    leaders = FixedLeaderDirectory(rpc, resource_manager_address)
    return JobMaster(job_graph, rpc, clock, configuration, ids, leaders, StandaloneLeadership(), on_terminal)


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
    """

    def __init__(
        self,
        job_id: JobID,
        job_graph: JobGraph,
        clock: Clock,
        make: Callable[[Callable[[JobDetails], None]], JobMasterControl],
        listener: RunnerListener,
        close_seconds: float,
    ) -> None:
        self._job_id = job_id
        self._clock = clock
        self._listener = listener
        self._close_seconds = close_seconds
        self._accepted = _first_report(job_graph, clock.now_ms())
        self._running = False
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

    def start(self) -> None:
        """Start the JobMaster; the listener hears of it, or that the job has failed."""
        self._starting = self._task(self._start(), "start")

    async def wait_started(self) -> None:
        """Return when the JobMaster has started or could not be, or when that takes too long."""
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=_START_SECONDS)

    def cancel(self) -> None:
        self._job_master.cancel()

    def details(self) -> JobDetails:
        """Return the job as it stands."""
        return self._job_master.details() if self._running else self._accepted

    async def refresh_metrics(self) -> None:
        """Bring the figures of the job's tasks up to date, as far as that goes quickly."""
        if not self.running:
            return
        try:
            await asyncio.wait_for(self._job_master.refresh_metrics(), _METRICS_SECONDS)
        except asyncio.TimeoutError:
            logger.info("Job %s: its TaskManagers gave no fresh metrics within %g s", self._job_id, _METRICS_SECONDS)
        except Exception:  # old figures are better than no report
            logger.warning("Job %s: its metrics could not be brought up to date", self._job_id, exc_info=True)

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
            await self._job_master.start()
        except MillstreamError as error:
            logger.warning("Job %s cannot be started: %s", self._job_id, error)
            self._listener.job_ended(self._job_id, self._failed_to_start(error))
            return
        except Exception as error:
            logger.exception("The JobMaster of job %s could not be started", self._job_id)
            self._listener.job_ended(self._job_id, self._failed_to_start(error))
            return
        self._running = True
        self._listener.job_started(self._job_id)

    async def _close(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        try:
            await asyncio.wait_for(self._job_master.close(), self._close_seconds)
        except asyncio.TimeoutError:
            logger.warning("The JobMaster of job %s did not close within %g s", self._job_id, self._close_seconds)
        except Exception:  # the job has ended all the same, and the next one must run
            logger.exception("The JobMaster of job %s did not close cleanly", self._job_id)
        finally:
            self._listener.job_closed(self._job_id)

    def _failed_to_start(self, error: Exception) -> JobDetails:
        now = self._clock.now_ms()
        details = JobDetails()
        details.CopyFrom(self._accepted)
        details.summary.state = JobStatus.FAILED.name
        details.summary.end_time_ms = now
        details.state_timestamps[JobStatus.FAILED.name] = now
        # What Millstream itself raises says all there is to say; anything else is a fault of the engine.
        expected = isinstance(error, MillstreamError)
        details.failure.CopyFrom(
            engine_failure(
                ENGINE,
                str(error) if expected else f"the job's JobMaster could not be started: {error}",
                exception_type=type(error).__name__,
                full_traceback="".join(traceback.format_exception(error)),
            )
        )
        details.failure_history.append(details.failure)
        return details


def _first_report(graph: JobGraph, now_ms: int) -> JobDetails:
    """Return what there is to say of a job whose JobMaster has not started yet."""
    return JobDetails(
        summary=JobSummary(
            job_id=graph.job_id,
            name=graph.name,
            state=JobStatus.INITIALIZING.name,
            start_time_ms=now_ms,
            tasks_total=sum(vertex.parallelism for vertex in graph.vertices),
        ),
        state_timestamps={JobStatus.INITIALIZING.name: now_ms},
        plan_json=graph.plan_json,
        configuration=dict(graph.configuration),
    )
