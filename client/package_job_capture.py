"""The executor behind ``execute()`` in a package that a master has run: it gives the master the jobs to submit.

So the program needs no address and no token of the cluster, and its jobs reach whichever master leads.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from millstream.client.artifacts import add_artifacts
from millstream.client.package_channel import PackageChannel
from millstream.common.config import Configuration, CoreOptions, PythonOptions
from millstream.common.errors import InvalidProgramError
from millstream.common.execution import JobClient, JobExecutionResult
from millstream.common.ids import JobID
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.common.wire.graph_pb2 import Artifact, JobGraph
from millstream.common.wire.package_run_pb2 import PackageEvent
from millstream.datastream.python_files import artifact_of

__all__ = ["PackageJobCapture", "PlanTaken"]


class PlanTaken(BaseException):  # not an error: it ends the program, past its own `except Exception`
    """Ends the program at its first ``execute()``: only the plan was wanted."""


class PackageJobCapture:
    """Hands jobs to the master, which submits them. Nobody waits for their ends.

    :param channel: to the master.
    :param package: goes with each job, so that workers can import from it; ``None``: it is a script.
    """

    def __init__(self, channel: PackageChannel, package: Artifact | None) -> None:
        self._channel = channel
        self._package = package
        self._first = True

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        """Hand over a job.

        :raises InvalidProgramError: the cluster does not take it; the message says why.
        """
        del job_graph.python_path[:]  # this process's directories are gone when the job runs
        if self._package is not None:
            add_artifacts(job_graph, [self._package])
        files = configuration.get(PythonOptions.FILES) or []
        add_artifacts(job_graph, [artifact_of(Path(file)) for file in files if file])
        if self._first and self._channel.run.job_id:
            job_graph.job_id = self._channel.run.job_id
        self._first = False
        answer = self._channel.ask(PackageEvent(job=job_graph))
        if self._channel.run.plan_only:
            raise PlanTaken
        if answer.error:
            raise InvalidProgramError(answer.error)
        return _DetachedJob(job_graph.job_id)

    def default_parallelism(self, configuration: Configuration) -> int:
        return configuration.get(CoreOptions.DEFAULT_PARALLELISM)

    def attached(self) -> bool:
        return False


class _DetachedJob:
    """A job that this program knows no more of than its id."""

    def __init__(self, job_id: str) -> None:
        self._job_id = JobID(job_id)

    def get_job_id(self) -> JobID:
        return self._job_id

    def get_job_status(self) -> JobStatus:
        self._refuse()

    def cancel(self) -> None:
        self._refuse()

    def get_job_details(self) -> JobDetails:
        self._refuse()

    def get_accumulators(self) -> dict[str, Any]:
        self._refuse()

    def get_job_execution_result(self, timeout: timedelta | None = None) -> JobExecutionResult:
        self._refuse()

    def trigger_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        self._refuse()

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, directory: str | None = None, format_name: str = "CANONICAL"
    ) -> str:
        self._refuse()

    def cancel_with_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        self._refuse()

    def send_operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InvalidProgramError(
            f"Job {self._job_id} was submitted in detached mode, as all jobs of uploaded packages are: the program "
            "gets no results of it and cannot ask how it stands. Write results to a sink, or start the program with "
            "`millstream run`."
        )
