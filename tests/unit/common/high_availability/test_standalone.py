"""A master without high availability: its leadership, its stores, and how it is found."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership
from millstream.common.high_availability.standalone import (
    FixedLeaderDirectory,
    StandaloneLeadership,
    StandaloneServices,
)
from millstream.common.ids import JobID, LeaderSessionId
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.in_process import InProcessNetwork, InProcessRpcService
from millstream.common.wire.cluster_pb2 import GetLeaderRequest, GetLeaderResponse, JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import JobGraph

JOB = JobID("0" * 31 + "1")


class Contender:
    def __init__(self) -> None:
        self.terms: list[Leadership] = []

    def granted(self, leadership: Leadership) -> None:
        self.terms.append(leadership)

    def revoked(self, reason: str) -> None:
        raise AssertionError(reason)


class Served:
    """An endpoint, no matter which."""

    async def get_leader(self, request: GetLeaderRequest) -> GetLeaderResponse:
        raise AssertionError(request)


def rpc_service(network: InProcessNetwork, address: str) -> InProcessRpcService:
    return InProcessRpcService(network, address, Configuration())


def details(job_id: JobID, ended_ms: int = 1) -> JobDetails:
    return JobDetails(summary=JobSummary(job_id=job_id, state="FINISHED", end_time_ms=ended_ms))


def test_leadership_is_granted_soon_but_not_within_the_call() -> None:
    async def scenario() -> None:
        services = StandaloneServices(rpc_service(InProcessNetwork(), "master:1"))
        contender = Contender()
        await services.start()
        services.contend(contender)
        assert not contender.terms
        await asyncio.sleep(0)
        (leadership,) = contender.terms
        assert leadership.is_valid
        await services.close()
        assert not leadership.is_valid

    asyncio.run(scenario())


def test_services_that_are_closed_at_once_grant_nothing() -> None:
    async def scenario() -> None:
        services = StandaloneServices(rpc_service(InProcessNetwork(), "master:1"))
        contender = Contender()
        services.contend(contender)
        await services.close()
        await services.close()
        await asyncio.sleep(0)
        assert not contender.terms

    asyncio.run(scenario())


def test_the_leader_is_whoever_serves_the_endpoint_at_the_address() -> None:
    async def scenario() -> None:
        network = InProcessNetwork()
        master, client = rpc_service(network, "master:1"), rpc_service(network, "client:1")
        await master.start()
        await client.start()
        directory = FixedLeaderDirectory(client, "master:1")
        with pytest.raises(NoLeaderError, match=r"dispatcher.*master:1"):
            await directory.current("dispatcher")
        master.register(LeaderGateway, "dispatcher", Served(), LeaderSessionId("s1"))  # type: ignore[type-abstract]
        assert await directory.current("dispatcher") == LeaderInformation("master:1", LeaderSessionId("s1"))
        told: list[LeaderInformation | None] = []
        end = directory.watch("dispatcher", told.append)
        await asyncio.sleep(0)
        end()
        assert told == []
        await directory.close()
        await client.close()
        await master.close()

    asyncio.run(scenario())


def test_jobs_and_their_results_are_kept_as_copies() -> None:
    async def scenario() -> None:
        leadership = StandaloneLeadership()
        graphs, results = leadership.job_graphs, leadership.job_results
        graph = JobGraph(job_id=JOB, name="first")
        await graphs.put(graph)
        graph.name = "changed after it was put"
        assert (await graphs.get(JOB)).name == "first"
        assert await graphs.job_ids() == [JOB]

        await results.put_dirty(details(JOB))
        await results.put_dirty(details(JOB, ended_ms=2))
        assert await results.dirty() == [details(JOB)]
        with pytest.raises(MillstreamError, match="not cleaned up"):
            await results.forget(JOB)
        await leadership.forget_job(JOB)
        await results.mark_clean(JOB)
        assert await results.dirty() == []
        assert await results.all() == [details(JOB)]
        with pytest.raises(JobNotFoundError, match=JOB):
            await graphs.get(JOB)
        await results.forget(JOB)
        assert await results.get(JOB) is None

    asyncio.run(scenario())


def test_checkpoint_ids_are_given_once() -> None:
    async def scenario() -> None:
        leadership = StandaloneLeadership()
        pointers = leadership.checkpoints(JOB)
        assert await pointers.next_id() == 1
        await pointers.reserve(1)
        with pytest.raises(MillstreamError, match="1 is taken"):
            await pointers.reserve(1)
        await pointers.reserve(5)
        assert await leadership.checkpoints(JOB).next_id() == 6
        first, fifth = CheckpointPointer(1, "file:///a/chk-1", True), CheckpointPointer(5, "file:///a/chk-5", False)
        await pointers.add(fifth)
        await pointers.add(first)
        await pointers.add(first)
        with pytest.raises(MillstreamError, match="chk-1"):
            await pointers.add(CheckpointPointer(1, "file:///other", True))
        assert await pointers.all() == [first, fifth]
        await pointers.remove(1)
        await pointers.remove(1)
        assert await pointers.all() == [fifth]

    asyncio.run(scenario())
