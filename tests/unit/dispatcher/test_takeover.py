"""Masters that take over from each other: what they leave, who may be told what, and how terms begin and end."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.service import EndpointNotFoundError, RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.master import MasterFailedError
from tests.unit.dispatcher.contending_masters import (
    cluster,
    eventually,
    some_time,
)
from tests.unit.dispatcher.fake_job_master import FakeJobMaster, hex_id
from tests.unit.dispatcher.virtual_time import run


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
