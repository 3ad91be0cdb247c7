"""The disk of checkpoints and high availability fills up under a job, and is freed again: nothing is lost by it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import MillstreamError
from millstream.common.failure import first_line
from millstream.testing.process_cluster import eventually
from tests.chaos import program
from tests.chaos.monkey import committed_lines
from tests.chaos.site import Site

COUNT = 20_000
FULL = "No space left on device"

pytestmark = pytest.mark.usefixtures("zookeeper")


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


class Filler:
    """A file that takes all the room of a disk."""

    def __init__(self, disk: Path) -> None:
        self._path = disk / "filler"

    def fill(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        self._path.unlink()


def submit(site: Site, count: int, output: Path) -> RpcJobClient:
    env = site.environment()
    program.build_job(env, count, 1_000.0, site.hurry, output, 2)
    return site.cluster.client.job(str(env.execute_async("on a small disk").get_job_id()))


def until_completed(site: Site, job: RpcJobClient, more: int) -> None:
    """Wait for so many checkpoints, under whichever leader."""
    before = job.get_checkpoints().completed
    eventually(lambda: job.get_checkpoints().completed >= before + more, f"{more} checkpoints\n{site.cluster.logs()}")


def until_failed(job: RpcJobClient, more: int, filler: Filler) -> str:
    """Keep the disk full until so many checkpoints have failed, and return the reason of the last one.

    Once filled it does not stay so: a checkpoint that was complete just before makes room by deleting an older one.
    """
    before = job.get_checkpoints().failed

    def failed() -> bool:
        filler.fill()
        return job.get_checkpoints().failed >= before + more

    eventually(failed, f"{more} failed checkpoints")
    return first_line(job.get_checkpoints().latest_failed.failure)


def test_a_full_disk_of_checkpoints_and_high_availability(tmp_path: Path, small_disk: Path) -> None:
    checkpoints = small_disk / "checkpoints"
    settings = {
        "execution.checkpointing.dir": checkpoints.as_uri(),
        "execution.checkpointing.data-inline-threshold": "0 b",
    }
    filler = Filler(small_disk)
    with Site(
        tmp_path / "site", zookeeper_servers=1, settings=settings, high_availability=small_disk / "high-availability"
    ) as site:
        job = submit(site, COUNT, site.output)
        until_completed(site, job, 2)

        filler.fill()
        failure = until_failed(job, 2, filler)
        assert FULL in failure, failure
        assert str(small_disk) in failure, failure
        last = job.get_checkpoints().latest_completed.checkpoint_id
        for pid in site.cluster.worker_pids():
            site.cluster.kill_worker(pid)
        eventually(lambda: job.get_checkpoints().restored_checkpoint_id >= last, "the job goes on from before")
        filler.fill()
        with pytest.raises(MillstreamError, match=FULL) as refused:
            submit(site, 10, tmp_path / "refused")
        assert str(small_disk) in str(refused.value)
        filler.free()
        until_completed(site, job, 2)

        filler.fill()
        until_failed(job, 1, filler)
        leader = site.cluster.leader()
        with site.lock:
            site.cluster.kill_master(leader)
        eventually(lambda: site.leader() not in (None, leader), "another leader, who must read from the full disk")
        site.hurry.touch()
        until_failed(job, 1, filler)
        filler.free()
        job.get_job_execution_result()
        assert committed_lines(site.output) == program.expected_lines(COUNT)

        assert [summary.job_id for summary in site.cluster.client.list_jobs()] == [str(job.get_job_id())]
    assert [path.name for path in checkpoints.rglob("*") if path.is_file()] == []
    kept = [path for path in site.high_availability.rglob("*") if path.is_file()]
    assert [path.parent.name for path in kept] == ["job-results"]
