"""The real ResourceManager, JobMaster and Dispatcher together, in a cluster without TaskManagers."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from millstream.common.clock import SystemClock
from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.standalone import StandaloneServices
from millstream.common.ids import IdFactory
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph, JobVertex, OperatorNode
from millstream.dispatcher.master import Master

WAIT = timedelta(seconds=10)


def graph(number: int, **configuration: str) -> JobGraph:
    head = f"{number:032x}"
    vertex = JobVertex(
        id=head,
        name="Source",
        parallelism=3,
        max_parallelism=128,
        slot_sharing_group="default",
        operators=[OperatorNode(operator_id=head, name="Source", spec=b"never opened", kind="source")],
    )
    return JobGraph(job_id=f"{number:032x}", name=f"job {number}", vertices=[vertex], configuration=configuration)


def test_jobs_in_a_cluster_without_slots() -> None:
    async def test() -> None:
        before = asyncio.all_tasks()
        network = InProcessNetwork()
        rpc, client = network.service("master"), network.service("client")
        await rpc.start()
        configuration = Configuration()
        configuration.set(JobManagerOptions.SLOT_REQUEST_TIMEOUT, timedelta(milliseconds=100))
        master = Master(rpc, SystemClock(), configuration, IdFactory(random.Random(7)), StandaloneServices(rpc))
        await master.start()
        token = await client.leader_session_id("master", "dispatcher")
        dispatcher = client.connect(DispatcherGateway, "master", "dispatcher", token, WAIT)

        with pytest.raises(ConfigurationError, match=r"restart-strategy"):
            await dispatcher.submit_job(pb.SubmitJobRequest(job_graph=graph(1, **{"restart-strategy.type": "at once"})))
        assert not (await dispatcher.list_jobs(pb.ListJobsRequest())).jobs

        await dispatcher.submit_job(pb.SubmitJobRequest(job_graph=graph(1)))
        request = pb.AwaitJobResultRequest(job_id=f"{1:032x}", max_wait_ms=10_000)
        failed = await dispatcher.await_job_result(request)
        assert failed.summary.state == "FAILED"
        assert "slot" in failed.failure.message

        long = graph(2, **{"slot.request.timeout": "1 h"})
        await dispatcher.submit_job(pb.SubmitJobRequest(job_graph=long))
        overview = await dispatcher.get_cluster_overview(pb.Empty())
        assert (overview.slots_total, overview.jobs_running, overview.jobs_failed) == (0, 1, 1)
        process, job = (await master.collect_metrics()).groups
        assert {value.name: value.whole_number for value in process.metrics}["numRunningJobs"] == 1
        assert dict(job.variables)["job_name"] == "job 2"
        assert {value.name: value.whole_number for value in job.metrics}["uptime"] >= 0
        await dispatcher.cancel_job(pb.JobRequest(job_id=long.job_id))
        request = pb.AwaitJobResultRequest(job_id=long.job_id, max_wait_ms=10_000)
        assert (await dispatcher.await_job_result(request)).summary.state == "CANCELED"

        await dispatcher.submit_job(pb.SubmitJobRequest(job_graph=graph(3, **{"slot.request.timeout": "1 h"})))
        await dispatcher.shut_down_cluster(pb.Empty())
        await asyncio.wait_for(master.wait_shutdown(), WAIT.total_seconds())
        await master.close()
        (process,) = (await master.collect_metrics()).groups
        assert process.scope == "JOB_MANAGER"
        await client.close()
        await rpc.close()
        assert asyncio.all_tasks() == before

    asyncio.run(test())
