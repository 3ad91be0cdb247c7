"""How long a job stands still when its master dies and a standby takes over, on processes and a real ZooKeeper."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.standing import StandingJob, standing_cluster
from millstream.testing.process_cluster import eventually
from millstream.testing.zookeeper_server import ZooKeeperServers

__all__ = ["measure_takeover"]

_KEYS = 10_000


def measure_takeover(session_seconds: float, runs: int) -> list[float]:
    """Return the seconds from the kill of the leading master to the first new result, one for each run.

    :raises ZooKeeperMissingError: there is no ZooKeeper on this machine.
    """
    with tempfile.TemporaryDirectory(prefix="millstream-takeover-") as name:
        directory = Path(name)
        with ZooKeeperServers(directory / "zookeeper") as zookeeper:
            settings = {
                "high-availability.type": "zookeeper",
                "high-availability.zookeeper.quorum": zookeeper.quorum,
                "high-availability.storageDir": (directory / "high-availability").as_uri(),
                "high-availability.zookeeper.client.session-timeout": f"{round(session_seconds * 1000)} ms",
            }
            return [_takeover({**settings, "high-availability.cluster-id": f"run-{run}"}) for run in range(runs)]


def _takeover(settings: dict[str, str]) -> float:
    with standing_cluster(task_managers=2, slots=1, masters=2, **settings) as job:
        job.submit(_KEYS, 2, {})
        job.wait_loaded(_KEYS)
        job.checkpoint()
        job.again()
        first = job.directory / "first"
        eventually(first.exists, "a first result")
        old = _workers(job)
        began = time.monotonic()
        job.cluster.kill_master(job.cluster.leader())
        # What comes now would be a result of the tasks that the dead master had started, if they still ran.
        eventually(lambda: not any(map(psutil.pid_exists, old)), "the end of the old tasks", 30.0)
        first.unlink()
        job.again()
        eventually(first.exists, f"a new result\n{job.cluster.logs()}", 60.0)
        return time.monotonic() - began


def _workers(job: StandingJob) -> list[int]:
    """The workers that serve the job: the others have done nothing yet."""
    workers = sorted(job.cluster.worker_pids(), key=lambda pid: psutil.Process(pid).memory_info().rss)
    return workers[-2:]
