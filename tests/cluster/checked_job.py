"""Jobs over checked streams on any cluster, and how tests wait for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration
from millstream.common.errors import JobExecutionError
from millstream.common.failure import FailureInfo
from millstream.common.states import JobStatus
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing import environment_for
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos.checked import CheckedStreams, violations
from tests.chaos.monkey import committed_lines

__all__ = [
    "Jobs",
    "failure_of",
    "latest_checkpoint",
    "local",
    "until_checkpoints",
    "until_running",
    "until_status",
]

Cluster = MiniCluster | ProcessCluster


class Jobs:
    """One job after another over the same output, each from where the last one was.

    :param streams: what they do.
    :param settings: over those that let a job restart a few times and keep its checkpoints.
    """

    def __init__(self, cluster: Cluster, streams: CheckedStreams, settings: dict[str, str] | None = None) -> None:
        self.cluster = cluster
        self.streams = streams
        self.directory = streams.directory
        self.settings = {
            "execution.checkpointing.interval": "50 ms",
            "execution.checkpointing.dir": (self.directory / "checkpoints").as_uri(),
            "execution.checkpointing.savepoint-dir": (self.directory / "savepoints").as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "3",
            "restart-strategy.fixed-delay.delay": "10 ms",
            **(settings or {}),
        }

    def start(
        self,
        parallelism: int,
        path: str = "",
        settings: dict[str, str] | None = None,
        define: Callable[[StreamExecutionEnvironment, int], None] | None = None,
    ) -> RpcJobClient:
        """Submit a job.

        :param path: of the snapshot that it begins from.
        :param define: another program than that of the streams.
        """
        values = {**self.settings, **(settings or {})}
        if path:
            values["execution.state-recovery.path"] = path
        configuration = Configuration.from_map(values)
        define = define or self.streams.define
        if isinstance(self.cluster, MiniCluster):
            with environment_for(self.cluster, configuration) as env:
                define(env, parallelism)
                return self.cluster.client.job(env.execute_async("checked streams").get_job_id())
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", self.cluster.port, configuration=configuration
        )
        define(env, parallelism)
        return self.cluster.client.job(env.execute_async("checked streams").get_job_id())

    def finish(self, job: RpcJobClient, seconds: float = 40.0) -> None:
        """Let the job hurry to its end: every record is there once, and no check has found anything."""
        self.streams.hurry.touch()
        job.get_job_execution_result(timedelta(seconds=seconds))
        assert violations(self.directory) == []
        assert committed_lines(self.streams.output) == self.streams.expected()

    def checkpoints_of(self, job: RpcJobClient) -> Path:
        """The directory of a job's checkpoints."""
        return self.directory / "checkpoints" / job.get_job_id()


def until_status(job: RpcJobClient, *statuses: JobStatus, seconds: float = 30.0) -> None:
    """Wait until the job is in one of the statuses."""
    names = " or ".join(status.value for status in statuses)
    eventually(lambda: job.get_job_status() in statuses, f"the job is {names}", seconds)


def until_running(job: RpcJobClient) -> None:
    """Wait until all tasks of the job run."""

    def running() -> bool:
        details = job.get_job_details()
        _still_goes_on(job, details.summary.state)
        return details.summary.state == "RUNNING" and details.task_counts["RUNNING"] == details.summary.tasks_total

    eventually(running, "all tasks run")


def until_checkpoints(job: RpcJobClient, count: int, seconds: float = 30.0) -> None:
    """Wait until so many checkpoints of the job are complete."""

    def complete() -> bool:
        _still_goes_on(job, job.get_job_status().value)
        return job.get_checkpoints().completed >= count

    try:
        eventually(complete, f"{count} checkpoints", seconds)
    except AssertionError as error:
        report = job.get_checkpoints()
        said = [f"{each.checkpoint_id} {each.status} {each.failure.message}" for each in report.history]
        raise AssertionError(
            "\n".join([f"{error}; {report.completed} complete, {report.failed} failed:", *said])
        ) from None


def _still_goes_on(job: RpcJobClient, state: str) -> None:
    """Raise if the job has ended, with what it failed with if it did: do not wait for what will never be."""
    if JobStatus(state).is_globally_terminal():
        job.get_job_execution_result()
        raise AssertionError(f"job {job.get_job_id()} has ended too early: {state}")


def failure_of(job: RpcJobClient, seconds: float = 30.0) -> FailureInfo:
    """Wait until the job has failed, and return with what."""
    with pytest.raises(JobExecutionError) as raised:
        job.get_job_execution_result(timedelta(seconds=seconds))
    return raised.value.failure


def latest_checkpoint(directory: Path) -> tuple[int, Path]:
    """Return number and directory of the newest complete checkpoint in the directory of a job; 0: there is none."""
    found = [path.parent for path in directory.glob("chk-*/_metadata")]
    return max(((int(path.name.removeprefix("chk-")), path) for path in found), default=(0, directory))


def local(path: str) -> Path:
    """Return the path of a local URI."""
    return Path(path.removeprefix("file:"))
