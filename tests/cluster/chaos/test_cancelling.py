"""The leader dies while it cancels a job: the job is cancelled or runs on, and whoever asks again cancels it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.common.errors import JobCancelledError
from millstream.common.states import JobStatus
from millstream.testing.process_cluster import eventually
from tests.chaos import program
from tests.chaos.remains import file_remains, node_remains_after, process_remains, unsettled_jobs
from tests.chaos.site import SESSION_TIMEOUT, ZOOKEEPER_ROOT, Site

pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def test_a_leader_that_dies_while_it_cancels(tmp_path: Path) -> None:
    with Site(tmp_path, task_managers=2, zookeeper_servers=1) as site:
        env = site.environment()
        program.build_job(env, 100_000, 1_000.0, site.hurry, site.output, 2)
        job = site.cluster.client.job(str(env.execute_async("to be cancelled").get_job_id()))
        eventually(lambda: job.get_checkpoints().completed >= 2, "checkpoints")
        workers = site.cluster.worker_pids()
        for pid in workers:
            site.cluster.freeze(pid)  # the tasks do not end, so the cancellation lasts
        job.cancel()
        assert job.get_job_status() is JobStatus.CANCELLING
        leader = site.cluster.leader()
        with site.lock:
            site.cluster.kill_master(leader)
        for pid in workers:
            site.cluster.thaw(pid)
        eventually(lambda: site.leader() not in (None, leader), f"another leader\n{site.cluster.logs()}")
        job.cancel()
        with pytest.raises(JobCancelledError):
            job.get_job_execution_result()
        site.cluster.wait_for_slots(2)
        jobs = [str(job.get_job_id())]
        eventually(lambda: not unsettled_jobs(site.zookeeper.quorum, ZOOKEEPER_ROOT), "what was kept of it is removed")
        site.end_cluster()
        assert node_remains_after(SESSION_TIMEOUT, site.zookeeper.quorum, ZOOKEEPER_ROOT, jobs) == []
        assert file_remains(site.high_availability, site.checkpoints, site.temporary, jobs) == []
    assert process_remains(tmp_path) == []
