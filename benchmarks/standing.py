"""Runs the standing job on a cluster of processes, and what all measurements of checkpoints need of it."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import cloudpickle

from benchmarks.workloads import standing
from millstream.common.config import Configuration
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster, eventually

__all__ = ["StandingJob", "standing_cluster"]

_LOADING_SECONDS = 300.0


class StandingJob:
    """One run of the job.

    :ivar directory: for checkpoints and for the job's files.
    """

    def __init__(self, cluster: ProcessCluster, directory: Path) -> None:
        self.cluster = cluster
        self.directory = directory
        self.job_id = ""

    def submit(
        self, keys: int, parallelism: int, settings: Mapping[str, str], *, size: int = 0, part: int = 1000
    ) -> None:
        """Submit it; with ``execution.state-recovery.path`` among the settings it goes on from there."""
        configuration = Configuration.from_map(
            {
                "execution.checkpointing.dir": (self.directory / "checkpoints").as_uri(),
                "execution.checkpointing.interval": "1 h",
                **self.cluster.configuration.to_map(),
                **settings,
            }
        )
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", self.cluster.port, configuration=configuration
        )
        env.set_parallelism(parallelism)
        standing.standing_job(env, keys, self.directory, size, part)
        self.job_id = str(env.execute_async("standing").get_job_id())

    def details(self) -> pb.JobDetails:
        request = pb.JobRequest(job_id=self.job_id, fresh_metrics=True)
        return self.cluster.client.call(lambda dispatcher: dispatcher.get_job_details(request))

    def loaded(self, keys: int) -> bool:
        """Whether all keys have come to the state."""
        vertices = self.details().vertices
        # There are none while the job is taken up.
        return bool(vertices) and sum(subtask.metrics.records_in for subtask in vertices[-1].subtasks) >= keys

    def wait_loaded(self, keys: int) -> None:
        eventually(lambda: self.loaded(keys), f"{keys} keys\n{self.cluster.logs()}", _LOADING_SECONDS)

    def again(self) -> None:
        """Make the first keys come once more."""
        with (self.directory / "again").open("a") as file:
            file.write("again\n")

    def checkpoint(self, *, full: bool = False) -> CheckpointStatistics:
        """Take a checkpoint and return what is known of it."""
        request = pb.TriggerCheckpointRequest(job_id=self.job_id, full=full)
        started = self.cluster.client.call(lambda dispatcher: dispatcher.trigger_checkpoint(request))
        done = self._await(started.request_id)
        checkpoints = self.checkpoints()
        (found,) = (each for each in checkpoints.history if each.checkpoint_id == done.checkpoint_id)
        return found

    def checkpoints(self) -> JobCheckpoints:
        request = pb.JobRequest(job_id=self.job_id)
        return self.cluster.client.call(lambda dispatcher: dispatcher.get_checkpoints(request))

    def stop_with_savepoint(self) -> str:
        """Stop the job and return where its savepoint is."""
        request = pb.TriggerSavepointRequest(
            job_id=self.job_id, mode="STOP", format="CANONICAL", target_directory=(self.directory / "sp").as_uri()
        )
        started = self.cluster.client.call(lambda dispatcher: dispatcher.trigger_savepoint(request))
        location = self._await(started.request_id).location
        self.wait_ended()
        return location

    def cancel(self) -> None:
        request = pb.JobRequest(job_id=self.job_id)
        self.cluster.client.call(lambda dispatcher: dispatcher.cancel_job(request))
        self.wait_ended()

    def wait_ended(self) -> None:
        eventually(lambda: self.details().summary.end_time_ms > 0, f"the job's end\n{self.cluster.logs()}", 60.0)

    def restored_ms(self) -> float:
        """How long the job took from its submission until all tasks ran."""

        def all_run() -> bool:
            details = self.details()
            states = [subtask.state for vertex in details.vertices for subtask in vertex.subtasks]
            return bool(states) and all(state == "RUNNING" for state in states)

        eventually(all_run, f"all tasks to run\n{self.cluster.logs()}", 120.0)
        details = self.details()
        latest = max(subtask.state_timestamps["RUNNING"] for vertex in details.vertices for subtask in vertex.subtasks)
        return float(latest - details.summary.start_time_ms)

    def _await(self, request_id: str) -> pb.OperationStatus:
        deadline = time.monotonic() + _LOADING_SECONDS
        while time.monotonic() < deadline:
            request = pb.AwaitOperationRequest(job_id=self.job_id, request_id=request_id, max_wait_ms=10_000)
            status: pb.OperationStatus = self.cluster.client.call(
                lambda dispatcher, request=request: dispatcher.await_operation(request),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                timedelta(seconds=10),
            )
            if status.completed:
                if status.HasField("failure"):
                    raise AssertionError(f"{status.failure.message}\n{self.cluster.logs()}")
                return status
        raise AssertionError(f"operation {request_id} did not complete\n{self.cluster.logs()}")


@contextmanager
def standing_cluster(
    task_managers: int = 1, slots: int = 4, masters: int = 1, **settings: Any
) -> Iterator[StandingJob]:
    """Give a job on a cluster of its own."""
    module = sys.modules[standing.__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        with tempfile.TemporaryDirectory(prefix="millstream-standing-") as name:
            directory = Path(name)
            with ProcessCluster(directory / "cluster", task_managers, slots, settings, masters=masters) as cluster:
                yield StandingJob(cluster, directory)
    finally:
        cloudpickle.unregister_pickle_by_value(module)
