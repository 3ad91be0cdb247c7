"""A client of a cluster whose masters take over from each other: it goes on with whoever leads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest

from millstream.client.cli.attached_job_client import AttachedJobClient
from millstream.client.cli.output import Output
from millstream.client.loop_thread import LoopThread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.client.remote.dispatcher_leader import DISPATCHER, DispatcherLeader
from millstream.client.remote.errors import ClusterUnreachableError, OperationInDoubtError
from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.in_process import InProcessNetwork, InProcessRpcService
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from tests.unit.client.conftest import FakeDispatcher

JOB = "0" * 31 + "1"
DEADLINE_S = 10.0


class Directory:
    """Names one leader, or none."""

    description = "ZooKeeper at nowhere"

    def __init__(self) -> None:
        self.leader: LeaderInformation | None = None
        self.broken: str | None = None
        self.asked = 0
        self.watches: list[Callable[[LeaderInformation | None], None]] = []

    async def current(self, endpoint: str) -> LeaderInformation:
        assert endpoint == DISPATCHER
        self.asked += 1
        if self.broken is not None:
            raise MillstreamError(self.broken)
        if self.leader is None:
            raise NoLeaderError("nobody leads dispatcher")
        return self.leader

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        assert endpoint == DISPATCHER
        self.watches.append(on_change)
        return lambda: self.watches.remove(on_change)

    async def close(self) -> None:
        """Nothing is open."""


class Masters:
    """Masters at addresses "first" and "second", each with a Dispatcher; all of it lives on one loop thread."""

    def __init__(self) -> None:
        self.loop_thread = LoopThread("masters")
        self.told: list[str] = []
        self.loop_thread.run(self._start())
        self.client = self.new_client()

    async def _start(self) -> None:
        self.network = InProcessNetwork()
        self.directory = Directory()
        self.dispatchers = {"first": FakeDispatcher(), "second": FakeDispatcher()}
        self.services: dict[str, InProcessRpcService] = {}
        for address, dispatcher in self.dispatchers.items():
            self.services[address] = await self._service(address)
            self.services[address].register(
                DispatcherGateway,  # type: ignore[type-abstract]  # a protocol names the endpoint
                DISPATCHER,
                dispatcher,
                LeaderSessionId(f"{address}-1"),
            )
        self.rpc = await self._service("client")
        self.leader = DispatcherLeader(self.directory, changes=True)
        self._name("first")

    async def _service(self, address: str) -> InProcessRpcService:
        service = self.network.service(address)
        await service.start()
        return service

    def new_client(self, timeout: timedelta = timedelta(seconds=20)) -> ClusterClient:
        client = ClusterClient(self.loop_thread, self.rpc, self.leader, timeout)
        client.on_new_leader = self.told.append
        return client

    @property
    def first(self) -> FakeDispatcher:
        return self.dispatchers["first"]

    @property
    def second(self) -> FakeDispatcher:
        return self.dispatchers["second"]

    def on_loop(self, function: Callable[..., object], *arguments: object) -> None:
        async def call() -> None:
            function(*arguments)

        self.loop_thread.run(call())

    def _name(self, address: str | None) -> None:
        leader = None if address is None else LeaderInformation(address, LeaderSessionId(f"{address}-1"))
        self.directory.leader = leader
        for watch in list(self.directory.watches):
            watch(leader)

    def name(self, address: str | None) -> None:
        """The directory names another leader."""
        self.on_loop(self._name, address)

    def crash(self, address: str) -> None:
        """A master is gone; the directory may not know yet."""
        self.on_loop(self.network.crash, address)

    def hang(self, address: str) -> None:
        """A master gives no answers any more."""
        self.network.transit = lambda source, target, method: None if address in (source, target) else 0.0

    def close(self) -> None:
        async def close() -> None:
            self.leader.close()
            assert self.directory.watches == []
            for service in (*self.services.values(), self.rpc):
                await service.close()

        self.loop_thread.run(close())
        self.loop_thread.close()


@pytest.fixture
def masters() -> Iterator[Masters]:
    made = Masters()
    yield made
    made.close()


def _serve(masters: Masters, address: str, method: str, answer: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    """Have a master answer a method in another way from now on."""
    setattr(masters.dispatchers[address], method, answer)
    masters.services[address].unregister(DISPATCHER)
    masters.services[address].register(
        DispatcherGateway,  # type: ignore[type-abstract]  # a protocol names the endpoint
        DISPATCHER,
        masters.dispatchers[address],
        LeaderSessionId(f"{address}-1"),
    )


class Waiting:
    """A call that waits in a thread of its own."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.result: object = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            self.result = call()
        except MillstreamError as error:
            self.error = error

    def end(self) -> Any:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "it waits for ever"
        if self.error is not None:
            raise self.error
        return self.result


def test_a_result_is_waited_for_at_the_next_leader_when_the_first_dies(masters: Masters) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    waiting = Waiting(job.get_job_execution_result)
    masters.crash("first")
    masters.on_loop(masters.second.set_state, JOB, JobStatus.RUNNING)
    masters.name("second")
    masters.on_loop(masters.second.set_state, JOB, JobStatus.FINISHED)
    assert waiting.end().get_job_id() == JOB
    assert masters.told == ["Another master leads the cluster now: the one at second"]


def test_a_leader_that_hangs_is_left_as_soon_as_another_is_named(masters: Masters) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    masters.on_loop(masters.second.set_state, JOB, JobStatus.FINISHED)
    masters.hang("first")
    waiting = Waiting(job.get_job_execution_result)
    masters.name("second")
    assert waiting.end().get_job_id() == JOB


def test_a_leader_that_says_it_leads_no_more_is_asked_again_for_who_does(masters: Masters) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))

    async def deposed(_: pb.AwaitJobResultRequest) -> pb.JobDetails:
        masters.directory.leader = LeaderInformation("second", LeaderSessionId("second-1"))
        raise LeadershipLostError("another one leads")

    _serve(masters, "first", "await_job_result", deposed)
    masters.on_loop(masters.second.set_state, JOB, JobStatus.FINISHED)
    assert job.get_job_execution_result().get_job_id() == JOB


def test_a_call_waits_for_a_leader_while_there_is_none(masters: Masters) -> None:
    masters.name(None)
    waiting = Waiting(masters.client.overview)
    masters.name("second")
    assert waiting.end().slots_total == 2


def test_without_a_leader_within_the_timeout_it_says_where_it_looked(masters: Masters) -> None:
    masters.directory.leader = None
    client = masters.new_client(timedelta(milliseconds=300))
    with pytest.raises(ClusterUnreachableError, match=r"found through ZooKeeper at nowhere: .*nobody leads dispatcher"):
        client.overview()
    assert masters.directory.asked > 1


def test_a_call_goes_on_for_as_long_as_new_leaders_come(masters: Masters) -> None:
    """A wait for a job's end is longer than any leader of a cluster may last under which machines keep dying."""
    asked: list[str] = []

    def serve(address: str, other: str) -> None:
        async def overview(_: pb.Empty) -> pb.ClusterOverview:
            asked.append(address)
            if len(asked) == 10:
                return pb.ClusterOverview(slots_total=7)
            asyncio.get_running_loop().call_later(0.05, masters._name, other)
            await asyncio.Event().wait()
            raise AssertionError("it hangs")

        masters.on_loop(_serve, masters, address, "get_cluster_overview", overview)

    serve("first", "second")
    serve("second", "first")
    client = masters.new_client(timedelta(milliseconds=200))
    assert client.overview().slots_total == 7
    assert asked == ["first", "second"] * 5


def test_a_directory_that_is_out_of_reach_is_named_with_its_reason(masters: Masters) -> None:
    masters.directory.broken = "no server of localhost:2181 answers"
    client = masters.new_client(timedelta(milliseconds=300))
    with pytest.raises(ClusterUnreachableError, match=r"zookeeper\.quorum.*no server of localhost:2181 answers"):
        client.overview()


def test_the_errors_of_a_leader_are_its_answer(masters: Masters) -> None:
    with pytest.raises(JobNotFoundError, match=JOB):
        masters.client.job(JOB).cancel()
    assert masters.directory.asked == 1


Submit = Callable[[pb.SubmitJobRequest], Coroutine[Any, Any, pb.SubmitJobResponse]]


def _dies_in_submission(masters: Masters) -> Submit:
    """Have the first master accept a job, which the second one then has, and die before it can say so."""

    async def submit(request: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        masters.second.set_state(request.job_graph.job_id, JobStatus.RUNNING)
        masters._name("second")
        masters.network.crash("first")
        await asyncio.Event().wait()
        raise AssertionError("it is dead")

    return submit


def test_a_submission_in_doubt_that_the_next_leader_knows_was_accepted(masters: Masters) -> None:
    _serve(masters, "first", "submit_job", _dies_in_submission(masters))
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    assert job.get_job_status() is JobStatus.RUNNING


def test_a_submission_in_doubt_that_the_next_leader_does_not_know_is_made_there(masters: Masters) -> None:
    async def submit(_: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        masters._name("second")
        await asyncio.Event().wait()
        raise AssertionError("it hangs")

    _serve(masters, "first", "submit_job", submit)
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    assert job.get_job_status() is JobStatus.RUNNING
    assert len(masters.second.graphs) == 1


def test_a_job_that_was_there_before_is_a_duplicate_also_after_a_takeover(masters: Masters) -> None:
    masters.on_loop(masters.second.set_state, JOB, JobStatus.RUNNING)
    masters.client.overview()
    masters.on_loop(masters.services["first"].unregister, DISPATCHER)  # it refuses, so nothing is in doubt
    masters.directory.leader = LeaderInformation("second", LeaderSessionId("second-1"))
    with pytest.raises(DuplicateJobError, match=JOB):
        masters.client.submit(JobGraph(job_id=JOB, name="word count"))


def test_an_operation_that_the_new_leader_does_not_know_is_in_doubt(masters: Masters) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    request_id = job.begin_savepoint("SAVEPOINT", "/savepoints")

    async def unknown(request: pb.AwaitOperationRequest) -> pb.OperationStatus:
        raise MillstreamError(f"Job {request.job_id} has no operation {request.request_id}")

    _serve(masters, "second", "await_operation", unknown)
    masters.hang("first")
    waiting = Waiting(lambda: job.await_operation(request_id))
    masters.name("second")
    with pytest.raises(OperationInDoubtError) as raised:
        waiting.end()
    message = str(raised.value)
    assert message.startswith(f"The master at first leads no more, at which operation {request_id} of job {JOB} was")
    assert "the one at second does not know" in message
    assert "target directory" in message


def test_an_operation_that_fails_at_its_leader_fails_as_it_is(masters: Masters) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    request_id = job.begin_checkpoint()
    masters.on_loop(masters.first.operations.clear)
    with pytest.raises(MillstreamError) as raised:
        job.await_operation(request_id)
    assert not isinstance(raised.value, OperationInDoubtError)


def test_all_clients_share_one_watch(masters: Masters) -> None:
    masters.client.overview()
    masters.new_client().overview()
    assert masters.directory.asked == 1
    assert len(masters.directory.watches) == 1


def test_a_run_that_waits_tells_of_the_new_leader(masters: Masters, capsys: pytest.CaptureFixture[str]) -> None:
    job = masters.client.submit(JobGraph(job_id=JOB, name="word count"))
    attached = AttachedJobClient(job, Output(), quiet=False, cancel_on_interrupt=False, on_result=lambda _: None)
    waiting = Waiting(attached.get_job_execution_result)
    masters.on_loop(masters.second.set_state, JOB, JobStatus.FINISHED)
    masters.name("second")
    waiting.end()
    assert capsys.readouterr().err == "Another master leads the cluster now: the one at second\n"
