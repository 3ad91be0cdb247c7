"""A cluster that only keeps what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.execution import JobExecutionResult, set_context_executor
from millstream.common.ids import JobID
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.datastream import StreamExecutionEnvironment


@dataclass
class ScriptedJobClient:
    """A job that answers as the test says."""

    job_id: JobID
    answer: Callable[[int], bytes] | None = None
    status: JobStatus = JobStatus.RUNNING
    failure: Exception | None = None
    requests: list[int] = field(default_factory=list)
    cancelled: bool = False

    def get_job_id(self) -> JobID:
        return self.job_id

    def get_job_status(self) -> JobStatus:
        return self.status

    def cancel(self) -> None:
        self.cancelled = True
        self.status = JobStatus.CANCELED

    def get_job_execution_result(self, timeout: timedelta | None = None) -> JobExecutionResult:
        if self.failure is not None:
            raise self.failure
        return JobExecutionResult(self.job_id, 7)

    def get_accumulators(self) -> dict[str, Any]:
        return {}

    def get_job_details(self) -> JobDetails:
        return JobDetails()

    def trigger_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        return f"{directory}/{format_name}"

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, directory: str | None = None, format_name: str = "CANONICAL"
    ) -> str:
        return f"{directory}/{format_name}/{'drained' if advance_to_end_of_event_time else 'suspended'}"

    def cancel_with_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        return f"{directory}/{format_name}/cancelled"

    def send_operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        received = int.from_bytes(payload, "big")
        self.requests.append(received)
        if self.answer is None:
            raise MillstreamError("no such operator")
        return self.answer(received)


@dataclass
class RecordingExecutor:
    """Keeps the JobGraphs that are submitted to it."""

    parallelism: int = 4
    is_attached: bool = True
    graphs: list[JobGraph] = field(default_factory=list)
    clients: list[ScriptedJobClient] = field(default_factory=list)
    prepare: Callable[[ScriptedJobClient], None] = lambda client: None

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> ScriptedJobClient:
        self.graphs.append(job_graph)
        client = ScriptedJobClient(JobID(job_graph.job_id))
        self.prepare(client)
        self.clients.append(client)
        return client

    def default_parallelism(self, configuration: Configuration) -> int:
        return self.parallelism

    def attached(self) -> bool:
        return self.is_attached


@pytest.fixture
def executor() -> Iterator[RecordingExecutor]:
    recording = RecordingExecutor()
    set_context_executor(recording, Configuration())
    yield recording
    set_context_executor(None)


@pytest.fixture
def env(executor: RecordingExecutor) -> StreamExecutionEnvironment:
    """An environment of parallelism 4 (the cluster's default)."""
    return StreamExecutionEnvironment.get_execution_environment()
