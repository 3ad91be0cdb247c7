"""The Dispatcher with JobMasters and a ResourceManager that do what a test says."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from millstream.common.checkpoint.metadata_file import write_metadata
from millstream.common.clock import Clock, ManualClock
from millstream.common.config import ClusterOptions, Configuration, JobManagerOptions
from millstream.common.errors import (
    DuplicateJobError,
    InvalidProgramError,
    JobNotFoundError,
    MillstreamError,
)
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import Leadership
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneLeadership
from millstream.common.ids import IdFactory, LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import EndpointNotFoundError, FencingError, RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.dispatcher import Dispatcher
from millstream.dispatcher.process_metric_source import ProcessMetricSource
from tests.unit.dispatcher.fake_job_master import FakeJobMaster, graph, hex_id

WAIT_SECONDS = 10.0


class FakeResourceManager:
    async def get_resource_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        return pb.ClusterOverview(taskmanagers=2, slots_total=8, slots_available=5)

    def __getattr__(self, name: str) -> Any:
        async def unexpected(request: Any) -> None:
            raise AssertionError(f"the Dispatcher called {name}")

        return unexpected


@dataclass
class World:
    """A Dispatcher and all around it."""

    network: InProcessNetwork
    rpc: RpcService
    dispatcher: Dispatcher
    gateway: DispatcherGateway
    clock: ManualClock
    masters: dict[str, FakeJobMaster] = field(default_factory=dict)
    prepare: Callable[[FakeJobMaster], None] = lambda job_master: None
    shutdowns: int = 0

    async def submit(self, number: int = 1) -> FakeJobMaster:
        response = await self.gateway.submit_job(pb.SubmitJobRequest(job_graph=graph(number)))
        assert response.job_id == hex_id(number)
        return self.masters[response.job_id]

    async def run_job(self, number: int = 1) -> FakeJobMaster:
        job_master = await self.submit(number)
        await eventually(lambda: job_master.started, "the JobMaster has started")
        return job_master

    async def details(self, number: int = 1) -> pb.JobDetails:
        return await self.gateway.get_job_details(pb.JobRequest(job_id=hex_id(number), fresh_metrics=True))

    async def result(self, number: int = 1, max_wait_ms: int = 10_000) -> pb.JobDetails:
        request = pb.AwaitJobResultRequest(job_id=hex_id(number), max_wait_ms=max_wait_ms)
        return await self.gateway.await_job_result(request)

    async def cancel(self, number: int = 1) -> None:
        await self.gateway.cancel_job(pb.JobRequest(job_id=hex_id(number)))

    async def states(self) -> dict[str, str]:
        jobs = (await self.gateway.list_jobs(pb.ListJobsRequest())).jobs
        return {job.name: job.state for job in jobs}

    def serve_resource_manager(self, token: str) -> None:
        self.rpc.unregister("resourcemanager")
        self.rpc.register(
            ResourceManagerGateway,
            "resourcemanager",
            FakeResourceManager(),
            LeaderSessionId(token),
        )


async def eventually(condition: Callable[[], bool], what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while not condition():
        assert loop.time() < deadline, f"waited {WAIT_SECONDS} s in vain until {what}"
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def cluster(configuration: Configuration | None = None) -> AsyncIterator[World]:
    before = asyncio.all_tasks()
    network = InProcessNetwork()
    rpc, client = network.service("master"), network.service("client")
    await rpc.start()
    clock = ManualClock(1_000)

    def make(
        job_graph: JobGraph,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_terminal: Callable[[pb.JobDetails], None],
    ) -> FakeJobMaster:
        job_master = FakeJobMaster(job_graph, clock, on_terminal)
        world.prepare(job_master)
        world.masters[job_graph.job_id] = job_master
        return job_master

    def on_shutdown() -> None:
        world.shutdowns += 1

    configuration = configuration if configuration is not None else Configuration()
    ids = IdFactory(random.Random(1))
    leaders = FixedLeaderDirectory(rpc, "master")
    process_metrics = ProcessMetricSource(configuration)
    dispatcher = Dispatcher(
        rpc,
        clock,
        configuration,
        ids,
        leaders,
        StandaloneLeadership(),
        on_shutdown,
        make,
        process_metrics=process_metrics,
    )
    await dispatcher.start()
    token = await client.leader_session_id("master", "dispatcher")
    assert token == dispatcher.leader_session_id
    gateway = client.connect(
        DispatcherGateway,
        "master",
        "dispatcher",
        token,
        timedelta(seconds=WAIT_SECONDS),
    )
    world = World(network, rpc, dispatcher, gateway, clock)
    try:
        yield world
    finally:
        await dispatcher.close()
        process_metrics.close()
        await client.close()
        await rpc.close()
        left = asyncio.all_tasks() - before
        assert not left, f"tasks left over: {left}"


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 3 * WAIT_SECONDS))


def test_a_job_from_submission_to_its_end() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            assert await world.states() == {"job 1": "RUNNING"}
            waiting = asyncio.ensure_future(world.result())
            world.clock.advance(250)
            job_master.end("FINISHED")
            details = await waiting
            assert details.summary.state == "FINISHED"
            assert details.summary.end_time_ms - details.summary.start_time_ms == 250
            await eventually(lambda: job_master.closed, "the JobMaster is closed")
            assert await world.details() == details
            assert await world.result(max_wait_ms=0) == details
            assert await world.states() == {"job 1": "FINISHED"}

    run(test)


def test_a_result_that_does_not_come_in_time_is_the_current_state() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.run_job()
            assert (await world.result(max_wait_ms=20)).summary.state == "RUNNING"
            assert (await world.result(max_wait_ms=0)).summary.state == "RUNNING"

    run(test)


def test_a_job_whose_job_master_still_starts() -> None:
    async def test() -> None:
        async with cluster() as world:
            world.prepare = lambda job_master: job_master.may_start.clear()
            job_master = await world.submit()
            details = await world.details()
            assert details.summary.state == "INITIALIZING"
            assert details.summary.tasks_total == 2
            asking = asyncio.ensure_future(world.gateway.send_operator_request(pb.OperatorRequest(job_id=hex_id(1))))
            await asyncio.wait({asking}, timeout=0.02)
            assert not asking.done()
            job_master.may_start.set()
            assert (await asking).payload == b"/0/"

    run(test)


def test_a_job_that_is_cancelled_before_its_job_master_has_started() -> None:
    async def test() -> None:
        async with cluster() as world:
            world.prepare = lambda job_master: job_master.may_start.clear()
            job_master = await world.submit()
            await world.cancel()
            assert job_master.cancels == 0
            job_master.may_start.set()
            assert (await world.result()).summary.state == "CANCELED"
            assert job_master.cancels == 1

    run(test)


def test_a_job_that_waits_for_what_it_cannot_start_without_says_so_and_starts_when_it_can() -> None:
    async def test() -> None:
        async with cluster() as world:
            world.prepare = lambda job_master: job_master.may_start.clear()
            job_master = await world.submit()
            job_master.tell_trouble(MillstreamError("the storage does not answer"))
            details = await world.details()
            assert (details.summary.state, details.summary.tasks_total) == ("INITIALIZING", 2)
            assert "the job cannot be started yet" in details.failure.message
            assert "the storage does not answer" in details.failure.message
            job_master.may_start.set()
            await eventually(lambda: job_master.started, "the job has started")
            assert (await world.details()).summary.state == "RUNNING"
            assert not (await world.details()).HasField("failure")

    run(test)


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_job_that_waits_for_what_it_cannot_start_without_can_be_cancelled(cancelled_first: bool) -> None:
    async def test() -> None:
        async with cluster() as world:
            world.prepare = lambda job_master: job_master.may_start.clear()
            job_master = await world.submit()
            if cancelled_first:
                await world.cancel()
            job_master.tell_trouble(MillstreamError("the storage does not answer"))
            if not cancelled_first:
                await world.cancel()
            details = await world.result()
            assert details.summary.state == "CANCELED"
            assert "the storage does not answer" in details.failure.message
            assert (job_master.cancels, job_master.started) == (0, False)
            await world.cancel()  # as often as one likes

    run(test)


def test_a_job_master_that_cannot_start_fails_its_job() -> None:
    async def test() -> None:
        async with cluster() as world:

            def prepare(job_master: FakeJobMaster) -> None:
                job_master.start_error = ValueError("no ground to stand on")

            world.prepare = prepare
            job_master = await world.submit()
            details = await world.result()
            assert details.summary.state == "FAILED"
            assert details.failure.exception_type == "ValueError"
            assert "no ground to stand on" in details.failure.message
            assert details.failure_history[0] == details.failure
            await eventually(lambda: job_master.closed, "the JobMaster is closed")

    run(test)


def test_a_snapshot_that_cannot_be_read_fails_the_job_with_nothing_but_that() -> None:
    async def test() -> None:
        async with cluster() as world:

            def prepare(job_master: FakeJobMaster) -> None:
                job_master.start_error = MillstreamError("/savepoints/one is broken: its checksum does not match")

            world.prepare = prepare
            await world.submit()
            details = await world.result()
            assert details.summary.state == "FAILED"
            assert details.failure.message == "/savepoints/one is broken: its checksum does not match"

    run(test)


def test_a_graph_that_the_job_master_refuses_is_no_job() -> None:
    async def test() -> None:
        async with cluster() as world:

            def prepare(job_master: FakeJobMaster) -> None:
                raise InvalidProgramError("co-location of unlike vertices")

            world.prepare = prepare
            for _ in range(2):
                with pytest.raises(InvalidProgramError, match="co-location of unlike"):
                    await world.submit()
            assert await world.states() == {}

    run(test)


def test_a_broken_graph_is_refused() -> None:
    async def test() -> None:
        async with cluster() as world:
            with pytest.raises(InvalidProgramError, match="no vertices"):
                await world.gateway.submit_job(pb.SubmitJobRequest(job_graph=JobGraph(job_id=hex_id(1))))
            assert not world.masters

    run(test)


def test_an_id_is_taken_by_a_running_and_by_an_archived_job() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            with pytest.raises(DuplicateJobError, match=hex_id(1)):
                await world.submit()
            job_master.end("FINISHED")
            with pytest.raises(DuplicateJobError, match="has ended"):
                await world.submit()
            await eventually(lambda: job_master.closed, "the JobMaster is closed")
            with pytest.raises(DuplicateJobError, match="FINISHED"):
                await world.submit()

    run(test)


def test_jobs_that_are_not_there() -> None:
    async def test() -> None:
        async with cluster() as world:
            with pytest.raises(JobNotFoundError, match=hex_id(1)):
                await world.details()
            with pytest.raises(JobNotFoundError):
                await world.result()
            with pytest.raises(JobNotFoundError):
                await world.cancel()
            with pytest.raises(JobNotFoundError):
                await world.gateway.send_operator_request(pb.OperatorRequest(job_id=hex_id(1)))
            with pytest.raises(JobNotFoundError, match="'mine' is not 32 hexadecimal digits"):
                await world.gateway.get_job_details(pb.JobRequest(job_id="mine"))

    run(test)


def test_cancelling() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.run_job(1)
            await world.cancel(1)
            assert (await world.result(1)).summary.state == "CANCELED"
            await world.cancel(1)
            finished = await world.run_job(2)
            finished.end("FINISHED")
            with pytest.raises(MillstreamError, match=r"terminal state \(FINISHED\)"):
                await world.cancel(2)

    run(test)


def test_a_report_has_fresh_metrics_if_they_can_be_had() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()

            def fresh() -> None:
                job_master.report.task_counts["RUNNING"] = 2

            def broken() -> None:
                raise RuntimeError("a TaskManager is gone")

            job_master.refresh = fresh
            assert (await world.details()).task_counts == {"RUNNING": 2}
            job_master.refresh = broken
            assert (await world.details()).task_counts == {"RUNNING": 2}

    run(test)


def test_who_looks_at_a_job_does_not_wait_for_metrics_and_has_them_fetched_now_and_then() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            job_master.may_refresh.clear()
            request = pb.JobRequest(job_id=hex_id(1))

            async def look(times: int) -> None:
                for _ in range(times):
                    assert (await world.gateway.get_job_details(request)).summary.state == "RUNNING"

            await look(3)
            await eventually(lambda: job_master.refreshes == 1, "the metrics are fetched")
            job_master.may_refresh.set()
            world.clock.advance(9_999)
            await look(3)
            assert job_master.refreshes == 1
            world.clock.advance(1)
            await look(3)
            await eventually(lambda: job_master.refreshes == 2, "the metrics are fetched again")

    run(test)


def test_all_who_ask_for_fresh_metrics_at_once_wait_for_the_same_ones() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            job_master.may_refresh.clear()
            asking = [asyncio.create_task(world.details()) for _ in range(5)]
            await eventually(lambda: job_master.refreshes == 1, "the metrics are fetched")
            job_master.report.restarts = 7
            job_master.may_refresh.set()
            assert [(await each).restarts for each in asking] == [7] * 5
            assert job_master.refreshes == 1
            await world.details()
            assert job_master.refreshes == 2

    run(test)


def test_the_metrics_of_the_process_of_the_cluster_and_of_the_running_jobs() -> None:
    async def test() -> None:
        async with cluster() as world:
            world.serve_resource_manager("rm")
            (await world.run_job(1)).report.restarts = 7
            (await world.run_job(2)).end("FINISHED")
            await world.result(2)
            dump = await world.gateway.request_metric_dump(pb.Empty())
            assert dump.timestamp_ms == 1_000
            process, job = dump.groups
            assert (process.scope, dict(process.variables)) == ("JOB_MANAGER", {"host": "localhost"})
            figures = {value.name: value.whole_number for value in process.metrics if not value.groups}
            assert figures == {
                "numRunningJobs": 1,
                "numRegisteredTaskManagers": 2,
                "numPendingTaskManagers": 0,
                "taskSlotsTotal": 8,
                "taskSlotsAvailable": 5,
            }
            names = {".".join([*(group.name for group in value.groups), value.name]) for value in process.metrics}
            assert "Status.JVM.CPU.Load" in names
            assert job.scope == "JOB_MANAGER_JOB"
            assert dict(job.variables) == {"host": "localhost", "job_id": hex_id(1), "job_name": "job 1"}
            assert [(value.name, value.whole_number) for value in job.metrics] == [("numRestarts", 7)]

    run(test)


def test_metrics_are_told_also_without_a_resource_manager() -> None:
    async def test() -> None:
        async with cluster() as world:
            (process,) = (await world.gateway.request_metric_dump(pb.Empty())).groups
            assert [value.name for value in process.metrics if not value.groups] == ["numRunningJobs"]

    run(test)


def test_a_job_ends_with_its_client_if_that_was_asked_for() -> None:
    async def test() -> None:
        async with cluster() as world:
            attached = graph(1)
            attached.client_heartbeat_timeout_ms = 50
            for each in (attached, graph(2)):
                await world.gateway.submit_job(pb.SubmitJobRequest(job_graph=each))
            first, second = world.masters[hex_id(1)], world.masters[hex_id(2)]
            await eventually(lambda: first.started and second.started, "the JobMasters have started")
            for number in (1, 2):
                await world.gateway.report_client_heartbeat(
                    pb.ClientHeartbeatRequest(job_id=hex_id(number), expires_at_ms=1_060)
                )
            world.clock.advance(60)
            await eventually(lambda: first.cancels == 1, "the job is cancelled")
            assert (await world.result(1)).summary.state == "CANCELED"
            assert second.cancels == 0
            with pytest.raises(JobNotFoundError):
                await world.gateway.report_client_heartbeat(pb.ClientHeartbeatRequest(job_id=hex_id(3)))

    run(test)


def test_other_bounds_of_parallelism_reach_the_job_master() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            bounds = {hex_id(5): pb.VertexParallelism(lower_bound=1, upper_bound=4)}
            await world.gateway.update_resource_requirements(
                pb.UpdateResourceRequirementsRequest(job_id=hex_id(1), vertices=bounds)
            )
            assert job_master.operations == ["require [(1, 4)]"]
            with pytest.raises(JobNotFoundError):
                await world.gateway.update_resource_requirements(
                    pb.UpdateResourceRequirementsRequest(job_id=hex_id(2), vertices=bounds)
                )

    run(test)


def test_operator_requests_reach_the_job_master_while_the_job_runs() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            request = pb.OperatorRequest(job_id=hex_id(1), operator_id="collect", subtask_index=1, payload=b"next")
            assert (await world.gateway.send_operator_request(request)).payload == b"collect/1/next"
            job_master.end("FINISHED")
            with pytest.raises(MillstreamError, match="is FINISHED"):
                await world.gateway.send_operator_request(request)

    run(test)


def test_savepoints_checkpoints_and_rescalings_are_begun_and_awaited() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            job_master.may_operate.clear()
            gateway, job_id = world.gateway, hex_id(1)

            async def status(request_id: str, max_wait_ms: int = 5_000) -> pb.OperationStatus:
                request = pb.AwaitOperationRequest(job_id=job_id, request_id=request_id, max_wait_ms=max_wait_ms)
                return await gateway.await_operation(request)

            savepoint = pb.TriggerSavepointRequest(job_id=job_id, target_directory="/s", mode="STOP", request_id="one")
            assert (await gateway.trigger_savepoint(savepoint)).request_id == "one"
            assert (await gateway.trigger_savepoint(savepoint)).request_id == "one"
            plain = (await gateway.trigger_savepoint(pb.TriggerSavepointRequest(job_id=job_id))).request_id
            await gateway.trigger_checkpoint(pb.TriggerCheckpointRequest(job_id=job_id, full=True, request_id="two"))
            await gateway.rescale_job(pb.RescaleJobRequest(job_id=job_id, parallelism=3, request_id="three"))
            assert not (await status("one", 0)).completed
            job_master.may_operate.set()
            assert (await status("two")).location == "file:/checkpoint"
            assert (await status("three")).location == "file:/rescale"
            assert (await status(plain)).checkpoint_id == 3
            assert not (await status("one", 0)).completed, "the job has not ended yet"
            job_master.end("FINISHED")
            assert (await status("one")).location == "file:/savepoint"
            assert job_master.operations == [
                "savepoint /s STOP CANONICAL",
                "savepoint  SAVEPOINT CANONICAL",
                "checkpoint full=True",
                "rescale 3",
            ]

    run(test)


def test_what_became_of_an_operation_can_be_asked_for_after_the_end_of_the_job() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            request = pb.TriggerSavepointRequest(job_id=hex_id(1), mode="STOP", request_id="one")
            await world.gateway.trigger_savepoint(request)
            await eventually(lambda: bool(job_master.operations), "the savepoint is begun")
            job_master.end("FINISHED")
            await eventually(lambda: job_master.closed, "the JobMaster is closed")
            await_request = pb.AwaitOperationRequest(job_id=hex_id(1), request_id="one", max_wait_ms=5_000)
            assert (await world.gateway.await_operation(await_request)).location == "file:/savepoint"
            assert (await world.gateway.trigger_savepoint(request)).request_id == "one"
            assert (await world.gateway.get_checkpoints(pb.JobRequest(job_id=hex_id(1)))).completed == 1
            with pytest.raises(MillstreamError, match="is FINISHED: it does not run"):
                await world.gateway.trigger_savepoint(pb.TriggerSavepointRequest(job_id=hex_id(1)))

    run(test)


def test_operations_that_fail_or_cannot_be() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            gateway = world.gateway
            with pytest.raises(JobNotFoundError):
                await gateway.trigger_checkpoint(pb.TriggerCheckpointRequest(job_id=hex_id(9)))
            with pytest.raises(MillstreamError, match="no savepoint mode 'HALT'"):
                await gateway.trigger_savepoint(pb.TriggerSavepointRequest(job_id=hex_id(1), mode="HALT"))
            with pytest.raises(MillstreamError, match="no savepoint format 'XML'"):
                await gateway.trigger_savepoint(pb.TriggerSavepointRequest(job_id=hex_id(1), format="XML"))
            with pytest.raises(MillstreamError, match="has no operation nothing"):
                await gateway.await_operation(pb.AwaitOperationRequest(job_id=hex_id(1), request_id="nothing"))
            job_master.operation_error = MillstreamError("no room")
            started = await gateway.trigger_checkpoint(pb.TriggerCheckpointRequest(job_id=hex_id(1)))
            request = pb.AwaitOperationRequest(job_id=hex_id(1), request_id=started.request_id, max_wait_ms=5_000)
            assert (await gateway.await_operation(request)).failure.message == "no room"
            assert (await gateway.get_checkpoints(pb.JobRequest(job_id=hex_id(1)))).completed == 1

    run(test)


def test_only_snapshots_that_no_running_job_needs_are_disposed_of(tmp_path: Path) -> None:
    def snapshot(name: str, kind: str, job_id: str) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        write_metadata(CheckpointMetadata(checkpoint_id=1, kind=kind, job_id=job_id), str(directory))
        return directory

    async def test() -> None:
        async with cluster() as world:
            await world.run_job()
            savepoint = snapshot("savepoint", "SAVEPOINT", hex_id(1))
            needed = snapshot("chk-1", "CHECKPOINT", hex_id(1))
            retained = snapshot("chk-2", "CHECKPOINT", hex_id(2))
            for path in (str(savepoint), retained.as_uri()):
                await world.gateway.dispose_savepoint(pb.DisposeSavepointRequest(path=path))
            with pytest.raises(MillstreamError, match="cancel the job first"):
                await world.gateway.dispose_savepoint(pb.DisposeSavepointRequest(path=str(needed)))
            with pytest.raises(MillstreamError, match="no checkpoint or savepoint"):
                await world.gateway.dispose_savepoint(pb.DisposeSavepointRequest(path=str(retained)))

    run(test)
    assert [path.name for path in tmp_path.iterdir()] == ["chk-1"]


def test_the_overview_counts_jobs_and_asks_the_resource_manager_that_leads() -> None:
    async def test() -> None:
        async with cluster() as world:
            with pytest.raises(MillstreamError, match="resourcemanager"):
                await world.gateway.get_cluster_overview(pb.Empty())
            world.serve_resource_manager("first")
            for number, state in enumerate(["FINISHED", "FINISHED", "FAILED", "CANCELED", "RUNNING"], start=1):
                job_master = await world.run_job(number)
                if state != "RUNNING":
                    job_master.end(state)
            for token in ("first", "second"):
                world.serve_resource_manager(token)
                overview = await world.gateway.get_cluster_overview(pb.Empty())
                assert (overview.slots_total, overview.slots_available, overview.taskmanagers) == (8, 5, 2)
                assert (overview.jobs_running, overview.jobs_finished) == (1, 2)
                assert (overview.jobs_failed, overview.jobs_cancelled) == (1, 1)
                assert overview.version

    run(test)


def test_forgotten_jobs() -> None:
    async def test() -> None:
        configuration = Configuration()
        configuration.set(JobManagerOptions.JOB_STORE_MAX_CAPACITY, 2)
        configuration.set(JobManagerOptions.JOB_STORE_EXPIRATION_TIME, timedelta(seconds=60))
        async with cluster(configuration) as world:
            for number in (1, 2, 3):
                (await world.run_job(number)).end("FINISHED")
            await eventually(lambda: all(m.closed for m in world.masters.values()), "the JobMasters are closed")
            assert list(await world.states()) == ["job 2", "job 3"]
            with pytest.raises(JobNotFoundError, match=r"jobstore\.max-capacity"):
                await world.details(1)
            world.clock.advance(60_001)
            assert await world.states() == {}

    run(test)


def test_a_shutdown_cancels_the_jobs_and_then_says_so() -> None:
    async def test() -> None:
        async with cluster() as world:
            first, second = await world.run_job(1), await world.run_job(2)
            second.ends_when_cancelled = False
            waiting = asyncio.ensure_future(world.result(1))
            await world.gateway.shut_down_cluster(pb.Empty())
            await world.gateway.shut_down_cluster(pb.Empty())
            assert (await waiting).summary.state == "CANCELED"
            await eventually(lambda: first.closed and second.cancels == 1, "both are cancelled")
            with pytest.raises(MillstreamError, match="shutting down"):
                await world.submit(3)
            assert world.shutdowns == 0
            second.end("FAILED")
            await eventually(lambda: world.shutdowns == 1, "the shutdown is signalled")
            assert second.closed
            await world.dispatcher.close()
            assert world.shutdowns == 1
            with pytest.raises(EndpointNotFoundError):
                await world.states()

    run(test)


def test_jobs_that_do_not_end_do_not_hold_up_the_shutdown() -> None:
    async def test() -> None:
        configuration = Configuration()
        configuration.set(ClusterOptions.SHUTDOWN_TIMEOUT, timedelta(milliseconds=150))
        async with cluster(configuration) as world:
            endless, stuck = await world.run_job(1), await world.run_job(2)
            endless.ends_when_cancelled = stuck.ends_when_cancelled = False
            stuck.may_close.clear()
            waiting = asyncio.ensure_future(world.result(1))
            await world.dispatcher.close()
            assert endless.closed
            assert not stuck.closed
            with pytest.raises(MillstreamError, match="shut down before job"):
                await waiting

    run(test)


def test_closing_cancels_the_jobs() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            await world.dispatcher.close()
            assert job_master.cancels == 1
            assert job_master.closed
            await world.dispatcher.close()

    run(test)


def test_a_job_that_ends_while_its_caller_is_gone_is_archived() -> None:
    async def test() -> None:
        async with cluster() as world:
            job_master = await world.run_job()
            waiting = asyncio.ensure_future(world.result())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            job_master.end("FAILED")
            assert await world.states() == {"job 1": "FAILED"}

    run(test)


def test_a_call_for_another_leader_is_refused() -> None:
    async def test() -> None:
        async with cluster() as world:
            deposed = world.network.service("other client").connect(
                DispatcherGateway,
                "master",
                "dispatcher",
                LeaderSessionId("an earlier one"),
            )
            with pytest.raises(FencingError):
                await deposed.submit_job(pb.SubmitJobRequest(job_graph=graph()))
            assert not world.masters

    run(test)
