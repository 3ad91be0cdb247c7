"""Masters that take over from each other: what they keep, what they leave, and who may be told what."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.clock import Clock, ManualClock
from millstream.common.config import CheckpointingOptions, ClusterOptions, Configuration, JobManagerOptions
from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.ids import IdFactory, JobID
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import EndpointNotFoundError, RemoteCallError, RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.master import Master, MasterFailedError
from tests.unit.dispatcher.fake_job_master import FakeJobMaster, graph, hex_id
from tests.unit.dispatcher.fake_services import FakeElection, FakeServices, FakeTerm
from tests.unit.dispatcher.virtual_time import run

PATIENCE_SECONDS = 300.0
SHUTDOWN_SECONDS = 30.0


class Candidate:
    """One master process and the JobMasters that it has made."""

    def __init__(self, name: str, network: InProcessNetwork, election: FakeElection, world: World) -> None:
        self.name = name
        self.rpc = network.service(name)
        self.services = FakeServices(election)
        self.services.default_checkpoint_directory = world.checkpoint_directory
        self.made: list[FakeJobMaster] = []
        self._election = election
        self._world = world
        self.master = Master(
            self.rpc, world.clock, world.configuration, IdFactory(random.Random(name)), self.services, self._make
        )

    def _make(
        self,
        job_graph: JobGraph,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_terminal: Callable[[pb.JobDetails], None],
    ) -> FakeJobMaster:
        assert self._world.ended.isdisjoint({job_graph.job_id}), "a job that has ended is run again"
        job_master = FakeJobMaster(job_graph, clock, on_terminal)
        self._world.prepare(job_master)
        self.made.append(job_master)
        return job_master

    def running(self, number: int = 1) -> FakeJobMaster | None:
        """The JobMaster of a job that has started and is not closed."""
        found = [
            made
            for made in self.made
            if made.report.summary.job_id == hex_id(number) and made.started and not made.closed
        ]
        assert len(found) <= 1, "two JobMasters of one job in one process"
        return found[0] if found else None

    async def lead(self) -> FakeTerm:
        """Grant it the leadership and wait until it is known."""
        term = self._election.grant(self.services)
        await eventually(
            lambda: self._leads("dispatcher") and self._leads("resourcemanager"), f"{self.name} is known to lead"
        )
        return term

    def _leads(self, endpoint: str) -> bool:
        published = self._election.published.get(endpoint)
        return published is not None and published.address == self.name

    async def dispatcher(self) -> DispatcherGateway:
        token = await self._world.client.leader_session_id(self.name, "dispatcher")
        timeout = timedelta(seconds=PATIENCE_SECONDS)
        return self._world.client.connect(DispatcherGateway, self.name, "dispatcher", token, timeout)

    async def submit(self, number: int = 1) -> None:
        await (await self.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=graph(number)))

    async def run_job(self, number: int = 1) -> FakeJobMaster:
        await self.submit(number)
        await eventually(lambda: self.running(number) is not None, f"job {number} runs")
        job_master = self.running(number)
        assert job_master is not None
        return job_master

    async def result(self, number: int = 1) -> pb.JobDetails:
        request = pb.AwaitJobResultRequest(job_id=hex_id(number), max_wait_ms=int(PATIENCE_SECONDS * 1000))
        return await (await self.dispatcher()).await_job_result(request)

    async def details(self, number: int = 1) -> pb.JobDetails:
        return await (await self.dispatcher()).get_job_details(pb.JobRequest(job_id=hex_id(number)))

    async def states(self) -> dict[str, str]:
        jobs = (await (await self.dispatcher()).list_jobs(pb.ListJobsRequest())).jobs
        return {job.name: job.state for job in jobs}


class World:
    """Two masters, and whoever asks them."""

    def __init__(self, configuration: Configuration | None = None, checkpoint_directory: str | None = None) -> None:
        self.configuration = configuration if configuration is not None else Configuration()
        self.configuration.set(ClusterOptions.SHUTDOWN_TIMEOUT, timedelta(seconds=SHUTDOWN_SECONDS))
        self.checkpoint_directory = checkpoint_directory
        self.clock = ManualClock(1_000)
        self.network = InProcessNetwork()
        self.client = self.network.service("client")
        self.election = FakeElection()
        self.ended: set[str] = set()
        self.prepare: Callable[[FakeJobMaster], None] = lambda job_master: None
        self.first = Candidate("first", self.network, self.election, self)
        self.second = Candidate("second", self.network, self.election, self)

    async def kept_graphs(self) -> list[JobID]:
        return await self.election.graphs.job_ids()

    async def kept_result(self, number: int = 1) -> str | None:
        details = await self.election.results.get(JobID(hex_id(number)))
        return None if details is None else details.summary.state


@contextlib.asynccontextmanager
async def cluster(
    configuration: Configuration | None = None, checkpoint_directory: str | None = None
) -> AsyncIterator[World]:
    before = asyncio.all_tasks()
    world = World(configuration, checkpoint_directory)
    for candidate in (world.first, world.second):
        await candidate.rpc.start()
        await candidate.master.start()
    try:
        yield world
    finally:
        for candidate in (world.first, world.second):
            await candidate.master.close()
            for endpoint in ("dispatcher", "resourcemanager", *(f"jobmaster-{hex_id(n)}" for n in range(4))):
                with pytest.raises(EndpointNotFoundError):
                    await world.client.leader_session_id(candidate.name, endpoint)
        assert not world.election.watchers
        await world.client.close()
        await world.first.rpc.close()
        await world.second.rpc.close()
        left = asyncio.all_tasks() - before
        assert not left, f"tasks left over: {left}"


async def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE_SECONDS} s in vain until {what}"
        await asyncio.sleep(0.002)


async def some_time(seconds: float = 1.0) -> None:
    """Let things happen, of which the test wants to see that they do not: time is virtual here."""
    await asyncio.sleep(seconds)


def test_the_next_leader_takes_up_the_jobs_of_the_last() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            waiting = asyncio.ensure_future(world.first.result())
            await some_time()
            world.election.revoke(world.first.services)
            with pytest.raises(RemoteCallError, match="does not lead any more") as raised:
                await waiting
            assert raised.value.exception_type == "LeadershipLostError"
            assert job_master.cancels == 0
            await eventually(lambda: job_master.closed, "the JobMaster is closed")
            assert await world.kept_graphs() == [hex_id(1)]

            await world.second.lead()
            waiting = asyncio.ensure_future(world.second.result())
            await eventually(lambda: world.second.running() is not None, "the job runs again")
            successor = world.second.running()
            assert successor is not None
            successor.end("FINISHED")
            assert (await waiting).summary.state == "FINISHED"
            await eventually(lambda: successor.closed, "the JobMaster is closed")
            assert successor.result_is_kept
            await some_time()
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            assert world.first.running() is None

    run(test)


def test_whoever_waits_for_a_job_hears_at_once_that_the_term_is_over() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job(1)
            await world.first.run_job(2)
            world.election.revoke(world.first.services)
            world.election.fail_before["get graph 1"] = 1_000
            await world.second.lead()
            await eventually(lambda: world.second.running(2) is not None, "the job runs")
            job_master = world.second.running(2)
            assert job_master is not None
            job_master.may_close.clear()
            dispatcher = await world.second.dispatcher()
            await dispatcher.trigger_checkpoint(pb.TriggerCheckpointRequest(job_id=hex_id(2), request_id="one"))
            job_master.may_operate.clear()
            await dispatcher.trigger_checkpoint(pb.TriggerCheckpointRequest(job_id=hex_id(2), request_id="two"))
            operation = pb.AwaitOperationRequest(job_id=hex_id(2), request_id="two", max_wait_ms=100_000)
            waits = [
                asyncio.ensure_future(call)
                for call in (world.second.result(1), world.second.result(2), dispatcher.await_operation(operation))
            ]
            await some_time()
            began = asyncio.get_running_loop().time()
            world.election.revoke(world.second.services)
            for outcome in await asyncio.gather(*waits, return_exceptions=True):
                assert isinstance(outcome, RemoteCallError)
                assert outcome.exception_type == "LeadershipLostError"
            assert asyncio.get_running_loop().time() - began < 1
            assert not job_master.closed
            job_master.may_close.set()

    run(test)


def test_a_job_master_that_finds_the_term_over_has_not_failed_its_job() -> None:
    async def test() -> None:
        async with cluster() as world:

            def prepare(job_master: FakeJobMaster) -> None:
                job_master.start_error = LeadershipLostError("the term is over")

            await world.first.lead()
            world.prepare = prepare
            await world.first.submit()
            await some_time()
            assert (await world.first.details()).summary.state == "INITIALIZING"
            assert await world.kept_result() is None

    run(test)


def test_a_master_may_follow_itself() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            token = await world.client.leader_session_id("first", "dispatcher")
            former = await world.first.run_job()
            world.election.revoke(world.first.services)
            await world.first.lead()
            assert await world.client.leader_session_id("first", "dispatcher") != token
            await eventually(lambda: world.first.running() is not None, "the job runs again")
            assert former.closed
            assert world.first.running() is not former

    run(test)


def test_when_the_term_ends_nothing_is_served_any_more_at_once() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            world.first.rpc.register(DispatcherGateway, f"jobmaster-{hex_id(1)}", AnyDispatcher(), None)
            job_master.may_close.clear()
            dispatcher = await world.first.dispatcher()
            world.election.revoke(world.first.services)
            for endpoint in ("dispatcher", "resourcemanager", f"jobmaster-{hex_id(1)}"):
                with pytest.raises(EndpointNotFoundError):
                    await world.client.leader_session_id("first", endpoint)
            with pytest.raises(EndpointNotFoundError, match="a standby, and nobody leads at present"):
                await dispatcher.list_jobs(pb.ListJobsRequest())
            job_master.may_close.set()

    run(test)


class AnyDispatcher:
    def __getattr__(self, name: str) -> Callable[[pb.Empty], object]:
        async def method(request: pb.Empty) -> pb.Empty:
            return request

        return method


def test_a_standby_says_that_it_is_one_and_who_leads() -> None:
    async def test() -> None:
        async with cluster() as world:
            with pytest.raises(EndpointNotFoundError, match="this master is a standby, and nobody leads at present"):
                await world.first.dispatcher()
            await world.second.lead()
            with pytest.raises(EndpointNotFoundError, match="this master is a standby; second leads"):
                await world.first.dispatcher()
            world.election.fail_before["list results"] = 5
            world.election.grant(world.first.services)
            await asyncio.sleep(0)
            with pytest.raises(EndpointNotFoundError, match="was granted the leadership and takes up the jobs"):
                await world.first.dispatcher()

    run(test)


def test_a_job_is_taken_only_when_it_is_kept() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.fail_before["put graph"] = 1
            with pytest.raises(MillstreamError, match="no room"):
                await world.first.submit()
            await some_time()
            with pytest.raises(JobNotFoundError):
                await world.first.details()
            await world.first.submit()
            assert await world.kept_graphs() == [hex_id(1)]

    run(test)


def test_a_job_that_was_not_taken_does_not_come_up_later() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.fail_after["put graph"] = 1
            world.election.fail_before["forget job"] = 3
            with pytest.raises(MillstreamError, match="no answer"):
                await world.first.submit()
            with pytest.raises(DuplicateJobError):
                await world.first.submit()
            await some_time(10)
            assert await world.kept_graphs() == []
            assert all(not made.started for made in world.first.made)
            await world.first.submit()

    run(test)


def test_whoever_submits_again_hears_what_becomes_of_the_first_submission() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.seconds = 5.0
            first = asyncio.ensure_future(world.first.submit())
            await some_time()
            again = asyncio.ensure_future(world.first.submit())
            first.cancel()
            with pytest.raises(DuplicateJobError):
                await again
            assert await world.kept_graphs() == [hex_id(1)]
            world.election.fail_before["put graph"] = 1
            submissions = [world.first.submit(2), world.first.submit(2)]
            for outcome in await asyncio.gather(*submissions, return_exceptions=True):
                assert isinstance(outcome, MillstreamError)
                assert "no room" in str(outcome)

    run(test)


def test_nobody_can_tell_what_became_of_a_submission_when_the_term_ends() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            world.election.seconds = 5.0
            submitting = asyncio.ensure_future(world.first.submit())
            await some_time()
            world.election.revoke(world.first.services)
            with pytest.raises(RemoteCallError, match="nobody can tell whether job") as raised:
                await submitting
            assert raised.value.exception_type == "LeadershipLostError"
            await world.second.lead()
            await world.second.submit()

    run(test)


def test_a_deposed_leader_that_does_not_know_it_takes_no_job() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job(2)
            world.election.depose()
            with pytest.raises(RemoteCallError, match="the term is over") as raised:
                await world.first.submit()
            assert raised.value.exception_type == "LeadershipLostError"
            assert await world.kept_graphs() == [hex_id(2)]
            job_master.end("FINISHED")
            await some_time()
            assert await world.kept_result(2) is None
            assert (await world.first.details(2)).summary.state == "RUNNING"
            await world.second.lead()
            await eventually(lambda: world.second.running(2) is not None, "the job runs again")

    run(test)


@pytest.mark.parametrize(
    ("state", "told"), [("FINISHED", "RUNNING"), ("FAILED", "FAILING"), ("CANCELED", "CANCELLING")]
)
def test_nobody_hears_of_the_end_of_a_job_before_it_is_kept(state: str, told: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            other = await world.first.run_job(2)
            job_master = await world.first.run_job()
            world.election.fail_before["put result"] = 5
            waiting = asyncio.ensure_future(world.first.result())
            job_master.end(state)
            await some_time()
            assert not waiting.done()
            report = await world.first.details()
            assert (report.summary.state, report.summary.end_time_ms) == (told, 0)
            assert (await world.first.states())["job 1"] == told
            assert not job_master.result_is_kept
            assert not job_master.closed
            assert (await waiting).summary.state == state
            assert await world.kept_result() == state
            assert job_master.result_is_kept
            other.end("FINISHED")
            assert (await world.first.result(2)).summary.state == "FINISHED"

    run(test)


@pytest.mark.parametrize("fault", ["put result", "forget job", "mark clean"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bad_moment_of_the_storage_loses_no_result(fault: str, when: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            failures = world.election.fail_before if when == "before" else world.election.fail_after
            failures[fault] = 3
            job_master = await world.first.run_job()
            job_master.end("FINISHED")
            assert (await world.first.result()).summary.state == "FINISHED"
            await some_time(20)
            assert failures[fault] == 0
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            assert await world.kept_result() == "FINISHED"

    run(test)


@pytest.mark.parametrize("step", ["put result", "forget job", "mark clean"])
def test_a_job_that_has_ended_is_not_run_again_wherever_its_leader_died(step: str) -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            world.election.fail_after[step] = 1_000
            job_master.end("FINISHED")
            world.ended.add(hex_id(1))
            await eventually(lambda: step in world.election.log, f"{step} is done")
            world.election.fail_after.clear()
            await world.second.lead()
            assert (await world.second.result()).summary.state == "FINISHED"
            assert await world.second.states() == {"job 1": "FINISHED"}
            with pytest.raises(DuplicateJobError):
                await world.second.submit()
            await some_time()
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            assert not world.second.made

    run(test)


@pytest.mark.parametrize(
    ("retention", "has_run", "left"),
    [
        ("NO_EXTERNALIZED_CHECKPOINTS", True, 0),
        ("NO_EXTERNALIZED_CHECKPOINTS", False, 1),
        ("RETAIN_ON_CANCELLATION", True, 1),
    ],
)
def test_checkpoints_that_a_dead_leader_has_not_deleted_are_deleted_unless_they_are_retained(
    tmp_path: Path, retention: str, has_run: bool, left: int
) -> None:
    key = CheckpointingOptions.EXTERNALIZED_RETENTION.key
    checkpoint = tmp_path / hex_id(1) / "chk-1"
    checkpoint.mkdir(parents=True)
    (tmp_path / hex_id(2)).mkdir()

    async def test() -> None:
        async with cluster(checkpoint_directory=tmp_path.as_uri()) as world:
            await world.first.lead()
            job_graph = graph()
            job_graph.configuration[key] = retention
            await (await world.first.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=job_graph))
            await eventually(lambda: world.first.running() is not None, "the job runs")
            job_master = world.first.running()
            assert job_master is not None
            world.election.fail_after["put result"] = 1_000
            if has_run:
                job_master.report.vertices.append(pb.VertexDetails(vertex_id=hex_id(1)))
            job_master.end("FAILED")
            await eventually(lambda: "put result" in world.election.log, "the result is kept")
            await world.second.lead()
            await eventually(lambda: "mark clean" in world.election.log, "the job is cleaned up")

    asyncio.run(test())  # files are deleted in a thread, which virtual time would not wait for
    assert len(list(tmp_path.glob("*/chk-1"))) == left
    assert (tmp_path / hex_id(2)).exists()


def test_a_job_whose_graph_cannot_be_read_is_shown_and_tried_again_and_others_run() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job(1)
            await world.first.run_job(2)
            world.election.fail_before["get graph 1"] = 5
            world.election.revoke(world.first.services)
            await world.second.lead()
            await eventually(lambda: world.second.running(2) is not None, "the other job runs")
            await eventually(lambda: world.election.fail_before["get graph 1"] < 5, "the graph was read in vain")
            report = await world.second.details()
            assert report.summary.state == "INITIALIZING"
            assert "no room" in report.failure.message
            with pytest.raises(MillstreamError, match="is INITIALIZING: it does not run"):
                await (await world.second.dispatcher()).send_operator_request(pb.OperatorRequest(job_id=hex_id(1)))
            waiting = asyncio.ensure_future(world.second.result())
            await eventually(lambda: world.second.running(1) is not None, "the job runs")
            job_master = world.second.running(1)
            assert job_master is not None
            job_master.end("FINISHED")
            assert (await waiting).summary.state == "FINISHED"

    run(test)


def test_a_job_whose_graph_cannot_be_read_may_be_cancelled() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job()
            world.election.fail_before["get graph 1"] = 1_000
            world.election.revoke(world.first.services)
            await world.second.lead()
            waiting = asyncio.ensure_future(world.second.result())
            await some_time(100)
            cancelled = asyncio.get_running_loop().time()
            await (await world.second.dispatcher()).cancel_job(pb.JobRequest(job_id=hex_id(1)))
            assert (await waiting).summary.state == "CANCELED"
            assert asyncio.get_running_loop().time() - cancelled < 1
            await some_time()
            assert await world.kept_graphs() == []
            assert await world.kept_result() == "CANCELED"

    run(test)


def test_what_earlier_leaders_kept_and_who_leads_are_tried_again_until_it_works() -> None:
    async def test() -> None:
        async with cluster() as world:
            for operation in ("list results", "list dirty", "list graphs", "publish dispatcher"):
                world.election.fail_before[operation] = 2
            world.election.fail_after["publish resourcemanager"] = 2
            await world.first.lead()
            assert sum(world.election.fail_before.values()) == 0

    run(test)


def test_a_term_that_ends_while_it_begins() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            await world.first.run_job()
            world.election.revoke(world.first.services)
            world.election.fail_before["list results"] = 1_000
            for _ in range(3):
                world.election.grant(world.first.services)
                world.election.revoke(world.first.services)
                world.election.grant(world.first.services)
                await some_time(0.005)
                world.election.revoke(world.first.services)
            world.election.fail_before.clear()
            await world.first.lead()
            await eventually(lambda: world.first.running() is not None, "the job runs again")

    run(test)


def test_terms_of_one_master_do_not_overlap() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            job_master.may_close.clear()
            world.election.revoke(world.first.services)
            world.election.grant(world.first.services)
            await some_time()
            assert not world.election.published
            assert len(world.first.made) == 1
            job_master.may_close.set()
            await eventually(lambda: "dispatcher" in world.election.published, "the new term begins")
            assert job_master.closed

    run(test)


def test_a_master_whose_term_does_not_end_fails() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            job_master.may_close.clear()
            ending = asyncio.ensure_future(world.first.master.wait_shutdown())
            world.election.revoke(world.first.services)
            world.election.grant(world.first.services)
            with pytest.raises(MasterFailedError, match=hex_id(1)):
                await ending
            assert not world.election.published

    run(test)


def test_a_master_that_is_told_to_end_leaves_the_jobs_to_the_next() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            await world.first.master.close()
            assert job_master.closed
            assert job_master.cancels == 0
            assert await world.kept_graphs() == [hex_id(1)]
            await world.second.lead()
            await eventually(lambda: world.second.running() is not None, "the job runs again")

    run(test)


def test_a_client_that_shuts_the_cluster_down_ends_the_jobs() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            await (await world.first.dispatcher()).shut_down_cluster(pb.Empty())
            await world.first.master.wait_shutdown()
            await world.first.master.close()
            assert job_master.cancels == 1
            assert await world.kept_result() == "CANCELED"
            assert await world.kept_graphs() == []

    run(test)


def test_a_shutdown_whose_term_ends_is_none() -> None:
    async def test() -> None:
        async with cluster() as world:
            await world.first.lead()
            job_master = await world.first.run_job()
            job_master.ends_when_cancelled = False
            await (await world.first.dispatcher()).shut_down_cluster(pb.Empty())
            await some_time()
            ending = asyncio.ensure_future(world.first.master.wait_shutdown())
            world.election.revoke(world.first.services)
            await some_time()
            assert not ending.done()
            ending.cancel()
            await world.first.lead()
            await eventually(lambda: world.first.running() is not None, "the job runs again")

    run(test)


def test_results_are_forgotten_when_they_expire() -> None:
    async def test() -> None:
        configuration = Configuration()
        configuration.set(JobManagerOptions.JOB_STORE_MAX_CAPACITY, 2)
        configuration.set(JobManagerOptions.JOB_STORE_EXPIRATION_TIME, timedelta(seconds=60))
        async with cluster(configuration) as world:
            await world.first.lead()
            world.election.fail_before["forget result"] = 2
            for number in (1, 2, 3):
                (await world.first.run_job(number)).end("FINISHED")
                await world.first.result(number)
                world.clock.advance(1_000)
            await some_time(10)
            assert [await world.kept_result(number) for number in (1, 2, 3)] == [None, "FINISHED", "FINISHED"]
            world.election.revoke(world.first.services)
            world.clock.advance(58_500)
            await world.second.lead()
            assert await world.second.states() == {"job 3": "FINISHED"}
            await some_time()
            assert [await world.kept_result(number) for number in (1, 2, 3)] == [None, None, "FINISHED"]

    run(test)


def test_jobs_that_name_no_directory_for_checkpoints_get_one_that_successors_can_read() -> None:
    key = CheckpointingOptions.DIRECTORY.key

    async def submitted(world: World, **configuration: str) -> dict[str, str]:
        await world.first.lead()
        job_graph = graph()
        job_graph.configuration.update(configuration)
        await (await world.first.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=job_graph))
        return dict((await world.election.graphs.get(JobID(hex_id(1)))).configuration)

    async def test() -> None:
        async with cluster(checkpoint_directory="file:///shared/checkpoints") as world:
            assert await submitted(world) == {key: "file:///shared/checkpoints"}
        async with cluster(checkpoint_directory="file:///shared/checkpoints") as world:
            assert await submitted(world, **{"state.checkpoints.dir": "s3://mine"}) == {
                "state.checkpoints.dir": "s3://mine"
            }
        ours = Configuration()
        ours.set(CheckpointingOptions.DIRECTORY, "s3://ours")
        async with cluster(ours, "file:///shared/checkpoints") as world:
            assert await submitted(world) == {}
        async with cluster() as world:
            assert await submitted(world) == {}

    run(test)


OPERATIONS = [
    "put graph",
    "put result",
    "forget job",
    "mark clean",
    "get result",
    "list results",
    "list dirty",
    "list graphs",
    "get graph 1",
    "publish dispatcher",
]
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 3)),
    st.tuples(st.just("end"), st.integers(1, 3)),
    st.tuples(st.just("cancel"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["grant", "revoke", "depose"]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["fail before", "fail after"]), st.integers(0, len(OPERATIONS) - 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 15, 300, 20_000])),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=30), seconds=st.sampled_from([0.0, 0.01, 0.2]))
def test_whoever_leads_each_job_runs_or_has_ended_and_none_is_run_after_its_end(
    steps: list[tuple[str, int]], seconds: float
) -> None:
    async def test() -> None:
        async with cluster() as world:
            world.election.seconds = seconds
            candidates = (world.first, world.second)
            accepted: set[int] = set()
            told: dict[int, str] = {}
            calls: list[asyncio.Future[None]] = []

            def leader() -> Candidate | None:
                return next((who for who in candidates if who.services.term is not None), None)

            async def submit(number: int, candidate: Candidate) -> None:
                with contextlib.suppress(DuplicateJobError, JobNotFoundError, MillstreamError):
                    await candidate.submit(number)
                    accepted.add(number)
                    result = await candidate.result(number)
                    if result.summary.state in ("FINISHED", "CANCELED"):
                        assert await world.kept_result(number) == result.summary.state
                        assert told.setdefault(number, result.summary.state) == result.summary.state
                        world.ended.add(hex_id(number))

            async def cancel(number: int, candidate: Candidate) -> None:
                with contextlib.suppress(MillstreamError):
                    await (await candidate.dispatcher()).cancel_job(pb.JobRequest(job_id=hex_id(number)))

            for step, argument in steps:
                who = leader()
                if step == "submit" and who is not None:
                    calls.append(asyncio.ensure_future(submit(argument, who)))
                elif step == "cancel" and who is not None:
                    calls.append(asyncio.ensure_future(cancel(argument, who)))
                elif step == "end" and who is not None:
                    job_master = who.running(argument)
                    if job_master is not None and job_master.report.summary.state == "RUNNING":
                        job_master.end("FINISHED")
                elif step == "grant" and candidates[argument].services.term is None:
                    if who is not None:
                        world.election.depose()
                        world.election.revoke(who.services)
                    world.election.grant(candidates[argument].services)
                elif step == "revoke" and who is not None:
                    world.election.revoke(who.services)
                elif step == "depose":
                    world.election.depose()
                elif step == "fail before":
                    world.election.fail_before[OPERATIONS[argument]] += 2
                elif step == "fail after":
                    world.election.fail_after[OPERATIONS[argument]] += 2
                elif step == "wait":
                    await asyncio.sleep(argument / 1000)
                for details in await world.election.results.all():
                    world.ended.add(details.summary.job_id)

            world.election.fail_before.clear()
            world.election.fail_after.clear()
            last = leader()
            if last is not None:
                world.election.revoke(last.services)
            await world.first.lead()
            await asyncio.sleep(100)
            for number in range(1, 4):
                ended = await world.kept_result(number)
                running = world.first.running(number)
                assert ended is None or running is None
                assert number not in accepted or ended is not None or running is not None
                assert (running is not None) == (hex_id(number) in await world.kept_graphs())
                if number in told:
                    assert ended == told[number]
                if running is not None:
                    running.end("FINISHED")
            await asyncio.gather(*calls)
            await asyncio.sleep(100)
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            for made in (*world.first.made, *world.second.made):
                assert made.closed
                assert made.result_is_kept <= (made.report.summary.state in ("FINISHED", "CANCELED"))

    run(test)
