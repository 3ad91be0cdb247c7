"""A Dispatcher that remembers what it was asked, reached through the in-process carrier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from millstream.client.loop_thread import LoopThread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.client.remote.dispatcher_leader import DispatcherLeader
from millstream.common.errors import DuplicateJobError, JobNotFoundError
from millstream.common.failure import FailureInfo
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.metrics_pb2 import MetricDump

ADDRESS = "master:6123"


class FakeDispatcher:
    """Keeps jobs in a dictionary; a test moves them from state to state."""

    def __init__(self) -> None:
        self.jobs: dict[str, pb.JobDetails] = {}
        self.graphs: list[object] = []
        self.operator_requests: list[pb.OperatorRequest] = []
        self.ends_at_once: tuple[JobStatus, FailureInfo | None] | None = None
        self.savepoint_requests: list[pb.TriggerSavepointRequest] = []
        self.checkpoint_requests: list[pb.TriggerCheckpointRequest] = []
        self.rescale_requests: list[pb.RescaleJobRequest] = []
        self.operations: dict[str, pb.OperationStatus] = {}
        self.operation_result = pb.OperationStatus(completed=True, location="file:/savepoints/savepoint-1")
        self.disposed: list[str] = []
        self._changed = asyncio.Event()

    def set_state(self, job_id: str, state: JobStatus, *, failure: FailureInfo | None = None) -> None:
        details = self.jobs.setdefault(job_id, pb.JobDetails())
        details.summary.job_id = job_id
        details.summary.state = state.value
        details.summary.name = details.summary.name or "job"
        details.summary.start_time_ms = details.summary.start_time_ms or 1_000
        if state.is_globally_terminal():
            details.summary.end_time_ms = 1_250
        if failure is not None:
            details.failure.CopyFrom(failure)
        self._changed.set()
        self._changed = asyncio.Event()

    def _details(self, job_id: str) -> pb.JobDetails:
        if job_id not in self.jobs:
            raise JobNotFoundError(f"No job {job_id}")
        return self.jobs[job_id]

    async def submit_job(self, request: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        job_id = request.job_graph.job_id
        if job_id in self.jobs:
            raise DuplicateJobError(f"Job {job_id} was submitted before")
        self.graphs.append(request.job_graph)
        self.set_state(job_id, JobStatus.RUNNING)
        self.jobs[job_id].summary.name = request.job_graph.name
        if self.ends_at_once is not None:
            self.set_state(job_id, self.ends_at_once[0], failure=self.ends_at_once[1])
        return pb.SubmitJobResponse(job_id=job_id)

    async def list_jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        return pb.ListJobsResponse(jobs=[details.summary for details in self.jobs.values()])

    async def get_job_details(self, request: pb.JobRequest) -> pb.JobDetails:
        return self._details(request.job_id)

    async def await_job_result(self, request: pb.AwaitJobResultRequest) -> pb.JobDetails:
        deadline = asyncio.get_running_loop().time() + request.max_wait_ms / 1000
        while not JobStatus(self._details(request.job_id).summary.state).is_globally_terminal():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                break
        return self._details(request.job_id)

    async def cancel_job(self, request: pb.JobRequest) -> pb.Empty:
        self._details(request.job_id)
        self.set_state(request.job_id, JobStatus.CANCELED)
        return pb.Empty()

    async def get_cluster_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        return pb.ClusterOverview(slots_total=2, slots_available=2, taskmanagers=1)

    async def send_operator_request(self, request: pb.OperatorRequest) -> pb.OperatorResponse:
        self.operator_requests.append(request)
        return pb.OperatorResponse(payload=request.payload[::-1])

    async def shut_down_cluster(self, request: pb.Empty) -> pb.Empty:
        return pb.Empty()

    async def trigger_savepoint(self, request: pb.TriggerSavepointRequest) -> pb.OperationStarted:
        self._details(request.job_id)
        self.savepoint_requests.append(request)
        return self._begin(request.request_id)

    async def trigger_checkpoint(self, request: pb.TriggerCheckpointRequest) -> pb.OperationStarted:
        self._details(request.job_id)
        self.checkpoint_requests.append(request)
        return self._begin(request.request_id)

    async def rescale_job(self, request: pb.RescaleJobRequest) -> pb.OperationStarted:
        self._details(request.job_id)
        self.rescale_requests.append(request)
        return self._begin(request.request_id)

    def _begin(self, request_id: str) -> pb.OperationStarted:
        request_id = request_id or "request-1"
        self.operations[request_id] = self.operation_result
        return pb.OperationStarted(request_id=request_id)

    async def await_operation(self, request: pb.AwaitOperationRequest) -> pb.OperationStatus:
        return self.operations[request.request_id]

    async def dispose_savepoint(self, request: pb.DisposeSavepointRequest) -> pb.Empty:
        self.disposed.append(request.path)
        return pb.Empty()

    async def get_checkpoints(self, request: pb.JobRequest) -> JobCheckpoints:
        self._details(request.job_id)
        return JobCheckpoints()

    async def request_metric_dump(self, request: pb.Empty) -> MetricDump:
        return MetricDump()

    async def update_resource_requirements(self, request: pb.UpdateResourceRequirementsRequest) -> pb.Empty:
        return pb.Empty()

    async def report_client_heartbeat(self, request: pb.ClientHeartbeatRequest) -> pb.Empty:
        return pb.Empty()


class FakeCluster:
    """The fake Dispatcher on a loop thread of its own, and a client of it."""

    def __init__(self, timeout: timedelta = timedelta(seconds=20)) -> None:
        self.loop_thread = LoopThread("fake-cluster")
        self.loop_thread.run(self._start(timeout))

    async def _start(self, timeout: timedelta) -> None:
        self.dispatcher = FakeDispatcher()
        network = InProcessNetwork()
        self.master = network.service(ADDRESS)
        await self.master.start()
        self.elect("session-1")
        self._client_rpc = network.service("client")
        await self._client_rpc.start()
        self.client = self.client_at(ADDRESS, timeout)

    def client_at(self, address: str, timeout: timedelta) -> ClusterClient:
        leader = DispatcherLeader(FixedLeaderDirectory(self._client_rpc, address), changes=False)
        return ClusterClient(self.loop_thread, self._client_rpc, leader, timeout)

    def elect(self, session: str) -> None:
        """Make the Dispatcher a new leader."""
        self.master.unregister("dispatcher")
        self.master.register(
            DispatcherGateway,  # type: ignore[type-abstract]  # a protocol names the endpoint
            "dispatcher",
            self.dispatcher,
            LeaderSessionId(session),
        )

    def on_loop(self, function: object, *arguments: object, **named: object) -> None:
        async def call() -> None:
            function(*arguments, **named)  # type: ignore[operator]  # any callable of the test's

        self.loop_thread.run(call())

    def close(self) -> None:
        async def close() -> None:
            await self._client_rpc.close()
            await self.master.close()

        self.loop_thread.run(close())
        self.loop_thread.close()


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    fake = FakeCluster()
    yield fake
    fake.close()
