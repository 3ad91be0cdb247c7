"""What an RPC service promises, whatever carries the calls."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common.config import Configuration, RpcOptions
from millstream.common.errors import (
    DuplicateJobError,
    InvalidProgramError,
    JobCancelledError,
    JobNotFoundError,
    MillstreamError,
    NoResourceAvailableError,
)
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway, JobMasterGateway, LeaderGateway
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    MessageTooLargeError,
    RemoteCallError,
    RpcError,
    RpcService,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.metrics_pb2 import MetricDump

WAIT_SECONDS = 10.0


class Carrier(Protocol):
    def service(self, configuration: Configuration | None = None) -> RpcService:
        """Return a service that is not started yet."""
        ...

    def nobody(self) -> str:
        """Return an address where nobody answers."""
        ...


class GrpcCarrier:
    def service(self, configuration: Configuration | None = None) -> RpcService:
        return GrpcRpcService("127.0.0.1", 0, None, configuration or Configuration())

    def nobody(self) -> str:
        return "127.0.0.1:1"


class InProcessCarrier:
    def __init__(self) -> None:
        self.network = InProcessNetwork()
        self._count = 0

    def service(self, configuration: Configuration | None = None) -> RpcService:
        self._count += 1
        return self.network.service(f"service-{self._count}", configuration)

    def nobody(self) -> str:
        return "nowhere"


@contextlib.asynccontextmanager
async def started(*services: RpcService) -> AsyncIterator[None]:
    try:
        for service in services:
            await service.start()
        yield
    finally:
        for service in services:
            await service.close()


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while not condition():
        assert loop.time() < deadline, f"waited {WAIT_SECONDS} s in vain until {what}"
        await asyncio.sleep(0.005)


TOKEN = LeaderSessionId("leader-1")
OTHER_TOKEN = LeaderSessionId("leader-2")
LONG = timedelta(seconds=WAIT_SECONDS)


class FakeDispatcher:
    """Answers with what a test gave it."""

    def __init__(self) -> None:
        self.submitted: list[pb.SubmitJobRequest] = []
        self.error: BaseException | None = None
        self.waiting = 0
        self.cancelled = 0
        self.plan = ""

    async def submit_job(self, request: pb.SubmitJobRequest) -> pb.SubmitJobResponse:
        self.submitted.append(request)
        request.job_graph.name = "changed by the callee"
        return pb.SubmitJobResponse(job_id=request.job_graph.job_id)

    async def list_jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        if self.error is not None:
            raise self.error
        return pb.ListJobsResponse()

    async def get_job_details(self, request: pb.JobRequest) -> pb.JobDetails:
        return pb.JobDetails(plan_json=self.plan)

    async def await_job_result(self, request: pb.AwaitJobResultRequest) -> pb.JobDetails:
        self.waiting += 1
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        raise AssertionError("nobody completes it")

    async def cancel_job(self, request: pb.JobRequest) -> pb.Empty:
        return pb.Empty()

    async def get_cluster_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        return pb.JobDetails()  # type: ignore[return-value]  # a defect, for the test of it

    async def send_operator_request(self, request: pb.OperatorRequest) -> pb.OperatorResponse:
        return pb.OperatorResponse(payload=request.payload)

    async def shut_down_cluster(self, request: pb.Empty) -> pb.Empty:
        return pb.Empty()

    async def trigger_savepoint(self, request: pb.TriggerSavepointRequest) -> pb.OperationStarted:
        return pb.OperationStarted(request_id=request.request_id)

    async def trigger_checkpoint(self, request: pb.TriggerCheckpointRequest) -> pb.OperationStarted:
        return pb.OperationStarted(request_id=request.request_id)

    async def rescale_job(self, request: pb.RescaleJobRequest) -> pb.OperationStarted:
        return pb.OperationStarted(request_id=request.request_id)

    async def await_operation(self, request: pb.AwaitOperationRequest) -> pb.OperationStatus:
        return pb.OperationStatus(completed=True)

    async def dispose_savepoint(self, request: pb.DisposeSavepointRequest) -> pb.Empty:
        return pb.Empty()

    async def get_checkpoints(self, request: pb.JobRequest) -> JobCheckpoints:
        return JobCheckpoints()

    async def request_metric_dump(self, request: pb.Empty) -> MetricDump:
        return MetricDump()

    async def update_resource_requirements(self, request: pb.UpdateResourceRequirementsRequest) -> pb.Empty:
        return pb.Empty()

    async def report_client_heartbeat(self, request: pb.ClientHeartbeatRequest) -> pb.Empty:
        return pb.Empty()


@pytest.fixture(params=[InProcessCarrier, GrpcCarrier], ids=["in-process", "grpc"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    made: Carrier = request.param()
    return made


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 3 * WAIT_SECONDS))


def serve(server: RpcService, token: LeaderSessionId | None = TOKEN) -> FakeDispatcher:
    dispatcher = FakeDispatcher()
    server.register(DispatcherGateway, "dispatcher", dispatcher, token)
    return dispatcher


def call(client: RpcService, server: RpcService, timeout: timedelta | None = None) -> DispatcherGateway:
    return client.connect(DispatcherGateway, server.address, "dispatcher", TOKEN, timeout)


def test_a_call_brings_a_copy_there_and_the_answer_back(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            request = pb.SubmitJobRequest()
            request.job_graph.job_id = "0" * 32
            request.job_graph.name = "mine"
            response = await call(client, server).submit_job(request)
            assert response.job_id == "0" * 32
            assert request.job_graph.name == "mine"
            assert dispatcher.submitted[0] is not request

    run(test)


def test_a_service_that_only_calls_need_not_be_started(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server):
            serve(server)
            assert await call(client, server).list_jobs(pb.ListJobsRequest()) == pb.ListJobsResponse()
            await client.close()

    run(test)


def test_many_calls_run_at_once(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            gateway = call(client, server, LONG)
            payloads = [bytes([n]) * n for n in range(100)]
            answers = await asyncio.gather(
                *(gateway.send_operator_request(pb.OperatorRequest(payload=payload)) for payload in payloads)
            )
            assert [answer.payload for answer in answers] == payloads

    run(test)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=2000), name=st.text(max_size=50, alphabet=st.characters(codec="utf-8")))
def test_any_message_and_any_endpoint_name_arrive_as_they_were(carrier: Carrier, payload: bytes, name: str) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            server.register(DispatcherGateway, "x" + name, FakeDispatcher(), LeaderSessionId(name))
            gateway = client.connect(DispatcherGateway, server.address, "x" + name, LeaderSessionId(name))
            answer = await gateway.send_operator_request(pb.OperatorRequest(payload=payload))
            assert answer.payload == payload

    run(test)


def test_a_service_may_say_why_an_endpoint_is_not_there(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            server.explain_missing(lambda endpoint: "a standby; host:1 leads" if endpoint == "dispatcher" else "")
            gateway = client.connect(DispatcherGateway, server.address, "dispatcher", LeaderSessionId("any"))
            with pytest.raises(EndpointNotFoundError, match="a standby; host:1 leads"):
                await gateway.list_jobs(pb.ListJobsRequest())
            with pytest.raises(EndpointNotFoundError, match="a standby; host:1 leads"):
                await client.leader_session_id(server.address, "dispatcher")
            with pytest.raises(EndpointNotFoundError, match="does not know it"):
                await client.leader_session_id(server.address, "other")
            server.explain_missing(None)
            with pytest.raises(EndpointNotFoundError, match="it never was, or it has ended"):
                await gateway.list_jobs(pb.ListJobsRequest())

    run(test)


@pytest.mark.parametrize("token", [None, OTHER_TOKEN, LeaderSessionId("")])
def test_a_call_with_another_fencing_token_is_refused(carrier: Carrier, token: LeaderSessionId | None) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            gateway = client.connect(DispatcherGateway, server.address, "dispatcher", token)
            with pytest.raises(FencingError, match=r"DispatcherGateway\.submit_job at .*leader-1"):
                await gateway.submit_job(pb.SubmitJobRequest())
            assert not dispatcher.submitted

    run(test)


def test_a_deposed_leader_is_refused_after_its_successor_has_registered(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            gateway = call(client, server)
            await gateway.list_jobs(pb.ListJobsRequest())
            server.unregister("dispatcher")
            successor = serve(server, OTHER_TOKEN)
            with pytest.raises(FencingError):
                await gateway.submit_job(pb.SubmitJobRequest())
            assert not successor.submitted
            token = await client.leader_session_id(server.address, "dispatcher")
            assert token == OTHER_TOKEN
            renewed = client.connect(DispatcherGateway, server.address, "dispatcher", token)
            await renewed.list_jobs(pb.ListJobsRequest())

    run(test)


def test_an_unfenced_endpoint_takes_any_call(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server, None)
            await call(client, server).list_jobs(pb.ListJobsRequest())
            assert await client.leader_session_id(server.address, "dispatcher") == ""

    run(test)


def test_an_endpoint_that_is_not_there(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            gateway = call(client, server)
            with pytest.raises(EndpointNotFoundError, match="dispatcher"):
                await gateway.list_jobs(pb.ListJobsRequest())
            serve(server)
            await gateway.list_jobs(pb.ListJobsRequest())
            server.unregister("dispatcher")
            with pytest.raises(EndpointNotFoundError, match="list_jobs at"):
                await gateway.list_jobs(pb.ListJobsRequest())
            with pytest.raises(EndpointNotFoundError, match="dispatcher"):
                await client.leader_session_id(server.address, "dispatcher")

    run(test)


def test_an_endpoint_of_another_gateway(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            gateway = client.connect(JobMasterGateway, server.address, "dispatcher", TOKEN)
            with pytest.raises(EndpointNotFoundError, match="is a DispatcherGateway, not a JobMasterGateway"):
                await gateway.fail_slot(pb.FailSlotRequest())

    run(test)


@pytest.mark.parametrize(
    "error",
    [
        JobNotFoundError("No job 4711; see `millstream list -a`."),
        DuplicateJobError("Job 1 was submitted before."),
        NoResourceAvailableError("needs 4 slots\nbut there are 2: äöü ☃"),
        InvalidProgramError("job.py:3"),
        MillstreamError("something"),
    ],
)
def test_errors_that_callers_may_catch_come_as_themselves(carrier: Carrier, error: MillstreamError) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server).error = error
            with pytest.raises(MillstreamError) as caught:
                await call(client, server).list_jobs(pb.ListJobsRequest())
            assert type(caught.value) is type(error)
            assert str(caught.value) == str(error)

    run(test)


class TooManySlotsError(NoResourceAvailableError):
    """Narrower than what callers know."""


def test_a_narrower_error_comes_as_the_nearest_that_callers_know(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server).error = TooManySlotsError("needs 9")
            with pytest.raises(NoResourceAvailableError, match="needs 9") as caught:
                await call(client, server).list_jobs(pb.ListJobsRequest())
            assert type(caught.value) is NoResourceAvailableError

    run(test)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (KeyError("price"), "KeyError"),
        (JobCancelledError("1"), "JobCancelledError"),
        (FencingError("of a call that the method made in turn"), "FencingError"),
        (RpcTimeoutError("of a call that the method made in turn"), "RpcTimeoutError"),
        (ValueError("\ud800 " + "x" * 100_000), "ValueError"),
    ],
)
def test_other_errors_come_as_remote_call_errors(carrier: Carrier, error: Exception, name: str) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server).error = error
            with pytest.raises(RemoteCallError) as caught:
                await call(client, server).list_jobs(pb.ListJobsRequest())
            assert caught.value.exception_type == name
            message = str(caught.value)
            assert message.startswith(f"DispatcherGateway.list_jobs at {server.address} failed: {name}: ")
            assert len(message) < 10_000

    run(test)


def test_a_wrong_response_type_is_an_error(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            with pytest.raises(RpcError, match="returned a JobDetails, not a ClusterOverview"):
                await call(client, server).get_cluster_overview(pb.Empty())

    run(test)


def test_a_wrong_request_type_is_an_error_of_the_caller(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            with pytest.raises(TypeError, match="takes a Empty, not a JobRequest"):
                await call(client, server).get_cluster_overview(pb.JobRequest())  # type: ignore[arg-type]  # that is it

    run(test)


def test_a_call_that_takes_too_long_ends_on_both_sides(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            gateway = call(client, server, timedelta(milliseconds=100))
            with pytest.raises(RpcTimeoutError, match=r"await_job_result at .*within 0\.1 s .*pekko\.ask\.timeout"):
                await gateway.await_job_result(pb.AwaitJobResultRequest())
            await eventually(lambda: dispatcher.cancelled == 1, "the method is cancelled")

    run(test)


def test_the_default_deadline_is_configured(carrier: Carrier) -> None:
    async def test() -> None:
        configuration = Configuration()
        configuration.set(RpcOptions.ASK_TIMEOUT, timedelta(milliseconds=100))
        server, client = carrier.service(), carrier.service(configuration)
        async with started(server, client):
            serve(server)
            with pytest.raises(RpcTimeoutError):
                await call(client, server).await_job_result(pb.AwaitJobResultRequest())

    run(test)


def test_cancelling_a_call_cancels_the_method(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            task = asyncio.ensure_future(call(client, server, LONG).await_job_result(pb.AwaitJobResultRequest()))
            await eventually(lambda: dispatcher.waiting == 1, "the method runs")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await eventually(lambda: dispatcher.cancelled == 1, "the method is cancelled")

    run(test)


def test_nobody_there(carrier: Carrier) -> None:
    async def test() -> None:
        client = carrier.service()
        gateway = client.connect(DispatcherGateway, carrier.nobody(), "dispatcher", timeout=LONG)
        for _ in range(3):
            with pytest.raises(RpcUnavailableError, match=f"list_jobs at {carrier.nobody()}: "):
                await gateway.list_jobs(pb.ListJobsRequest())
        await client.close()

    run(test)


def test_closing_the_server_breaks_off_running_calls(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            task = asyncio.ensure_future(call(client, server, LONG).await_job_result(pb.AwaitJobResultRequest()))
            await eventually(lambda: dispatcher.waiting == 1, "the method runs")
            await server.close()
            assert dispatcher.cancelled == 1
            with pytest.raises(RpcUnavailableError, match="await_job_result"):
                await task
            with pytest.raises(RpcUnavailableError):
                await call(client, server).list_jobs(pb.ListJobsRequest())
            await server.close()

    run(test)


def test_closing_the_caller_breaks_off_its_calls_without_cancelling_who_waits(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            dispatcher = serve(server)
            task = asyncio.ensure_future(call(client, server, LONG).await_job_result(pb.AwaitJobResultRequest()))
            await eventually(lambda: dispatcher.waiting == 1, "the method runs")
            await client.close()
            with pytest.raises(RpcUnavailableError, match="calling service"):
                await task
            await eventually(lambda: dispatcher.cancelled == 1, "the method is cancelled")
            with pytest.raises(RpcUnavailableError, match="calling service"):
                await call(client, server).list_jobs(pb.ListJobsRequest())

    run(test)


def test_a_method_that_is_cancelled_over_there(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server).error = asyncio.CancelledError()
            with pytest.raises(RpcUnavailableError, match="cancelled over there"):
                await call(client, server).list_jobs(pb.ListJobsRequest())

    run(test)


def small() -> Configuration:
    return Configuration().set(RpcOptions.FRAMESIZE, 4096)


def test_a_request_that_is_too_large_names_the_key(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service(small())
        async with started(server, client):
            serve(server)
            gateway = call(client, server)
            with pytest.raises(MessageTooLargeError, match=r"send_operator_request at .*pekko\.framesize"):
                await gateway.send_operator_request(pb.OperatorRequest(payload=bytes(5000)))
            await gateway.send_operator_request(pb.OperatorRequest(payload=bytes(4000)))

    run(test)


def test_a_response_that_is_too_large_names_the_key(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(small()), carrier.service()
        async with started(server, client):
            serve(server).plan = "x" * 5000
            with pytest.raises(MessageTooLargeError, match=r"get_job_details at .*response.*pekko\.framesize"):
                await call(client, server).get_job_details(pb.JobRequest())

    run(test)


def test_a_message_of_some_megabytes_passes(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            payload = bytes(20 << 20)
            answer = await call(client, server, LONG).send_operator_request(pb.OperatorRequest(payload=payload))
            assert answer.payload == payload

    run(test)


def test_a_name_serves_one_endpoint_and_an_implementation_must_be_whole(carrier: Carrier) -> None:
    async def test() -> None:
        server = carrier.service()
        serve(server)
        with pytest.raises(ValueError, match="'dispatcher' is registered already"):
            serve(server)
        with pytest.raises(TypeError, match="has no coroutine register_task_manager"):
            server.register(JobMasterGateway, "jobmaster-1", FakeDispatcher(), None)
        with pytest.raises(TypeError, match="FakeDispatcher is not a gateway"):
            server.register(FakeDispatcher, "other", FakeDispatcher(), None)
        with pytest.raises(ValueError, match="deadline"):
            server.connect(DispatcherGateway, "somewhere", "dispatcher", None, timedelta(0))
        await server.close()

    run(test)


def test_who_watches_a_connection_learns_of_its_end_once(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            told: list[str] = []
            second: list[str] = []
            unwatched: list[str] = []
            client.watch_connection(server.address, told.append)
            client.watch_connection(server.address, second.append)
            stop = client.watch_connection(server.address, unwatched.append)
            await call(client, server).list_jobs(pb.ListJobsRequest())
            stop()
            stop()
            assert not told
            await server.close()
            await eventually(lambda: bool(told) and bool(second), "the watchers are told")
            assert len(told) == len(second) == 1
            assert server.address in told[0]
            assert not unwatched

    run(test)


def test_watching_an_address_where_nobody_is(carrier: Carrier) -> None:
    async def test() -> None:
        client = carrier.service()
        async with started(client):
            for _ in range(2):
                told: list[str] = []
                client.watch_connection(carrier.nobody(), told.append)
                await eventually(lambda told=told: bool(told), "the watcher is told")  # type: ignore[misc]  # binds now
                assert carrier.nobody() in told[0]

    run(test)


def test_a_watch_that_was_ended_or_whose_service_is_closed_tells_nothing(carrier: Carrier) -> None:
    async def test() -> None:
        server, client, other = carrier.service(), carrier.service(), carrier.service()
        async with started(server, client, other):
            told: list[str] = []
            others: list[str] = []
            client.watch_connection(server.address, told.append)()
            client.watch_connection(server.address, told.append)
            other.watch_connection(server.address, others.append)
            await client.close()
            await server.close()
            await eventually(lambda: bool(others), "the other watcher is told")
            assert not told

    run(test)


def test_a_method_may_close_its_own_service(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()

        class Closing(FakeDispatcher):
            async def shut_down_cluster(self, request: pb.Empty) -> pb.Empty:
                closing.append(asyncio.ensure_future(server.close()))
                return pb.Empty()

        closing: list[asyncio.Future[None]] = []
        async with started(server, client):
            server.register(DispatcherGateway, "dispatcher", Closing(), TOKEN)
            await call(client, server, LONG).shut_down_cluster(pb.Empty())
            await asyncio.gather(*closing)

    run(test)


def test_the_leader_endpoint_tells_the_version(carrier: Carrier) -> None:
    async def test() -> None:
        server, client = carrier.service(), carrier.service()
        async with started(server, client):
            serve(server)
            leader = client.connect(LeaderGateway, server.address, "leader")
            answer = await leader.get_leader(pb.GetLeaderRequest(endpoint="dispatcher"))
            assert answer.known
            assert answer.leader_session_id == TOKEN
            assert answer.version

    run(test)
