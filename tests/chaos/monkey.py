"""Kills processes of a cluster at random while the job runs, and compares what was committed with what should be."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import psutil

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.chaos import program

__all__ = ["Chaos", "ChaosSettings", "committed_lines"]

_PARALLELISM = 2
_TASK_MANAGERS = 3
"""One more than the job needs: there is always a spare slot."""


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """One run.

    :ivar seconds: for how long processes are killed.
    :ivar every: seconds between two kills, at most; at least a third of it.
    :ivar victims: what is killed, with weights: ``worker``, ``taskmanager``, ``master``.
    :ivar job: more settings of the job.
    """

    seed: int
    seconds: float
    every: float = 4.0
    count: int = 200_000
    per_second: float = 2000.0
    victims: dict[str, int] = field(default_factory=lambda: {"worker": 5, "taskmanager": 3, "master": 1})
    job: dict[str, str] = field(default_factory=dict)


def committed_lines(output: Path) -> list[str]:
    """What anybody who reads the output sees, sorted."""
    lines: list[str] = []
    for file in output.rglob("*"):
        if file.is_file() and not file.name.startswith((".", "_")):
            lines += file.read_text().splitlines()
    return sorted(lines)


class Chaos:
    """A cluster, a job and somebody who kills.

    :ivar kills: how many of each kind.
    """

    def __init__(self, directory: Path, settings: ChaosSettings, say: Callable[[str], None] = lambda _: None) -> None:
        self.kills: Counter[str] = Counter()
        self._settings = settings
        self._directory = directory
        self._random = random.Random(settings.seed)
        self._say = say
        self._output = directory / "output"
        self._checkpoints = directory / "checkpoints"
        self._hurry = directory / "hurry"
        self._job: Any = None
        self._cluster = ProcessCluster(
            directory / "cluster",
            task_managers=_TASK_MANAGERS,
            slots=1,
            settings={"heartbeat.interval": "500 ms", "heartbeat.timeout": "3 s", "slot.request.timeout": "60 s"},
        )

    def run(self) -> list[str]:
        """Run the job to its end and return what it has committed."""
        settings = self._settings
        module: ModuleType = sys.modules[program.__name__]
        cloudpickle.register_pickle_by_value(module)
        try:
            with self._cluster:
                self._submit()
                self._kill_for(settings.seconds)
                self._say("no more kills: the job may hurry to its end")
                self._hurry.touch()
                try:
                    eventually(self._has_finished, "the job's end", 120.0)
                except AssertionError as error:
                    raise AssertionError(f"{error}\n{self._state()}\n{self._cluster.logs()}") from None
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        return committed_lines(self._output)

    # ------------------------------------------------------------------ the job

    def _submit(self) -> None:
        job = {
            "execution.checkpointing.interval": "300 ms",
            "execution.checkpointing.dir": self._checkpoints.as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.tolerable-failed-checkpoints": "1000",
            "execution.checkpointing.timeout": "10 s",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "1000000",
            "restart-strategy.fixed-delay.delay": "100 ms",
            **self._settings.job,
        }
        latest = self._latest_checkpoint()
        if latest is not None:
            job["execution.state-recovery.path"] = latest.as_uri()
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", self._cluster.port, configuration=Configuration.from_map(job)
        )
        settings = self._settings
        program.build_job(env, settings.count, settings.per_second, self._hurry, self._output, _PARALLELISM)
        self._job = env.execute_async("chaos")
        self._say(f"submitted {self._job.get_job_id()} from {latest or 'nothing'}")

    def _latest_checkpoint(self) -> Path | None:
        """The newest complete checkpoint of any job so far: ids grow over all of them."""
        complete = [path.parent for path in self._checkpoints.glob("*/chk-*/_metadata")]
        return max(complete, key=lambda path: int(path.name.removeprefix("chk-")), default=None)

    def _has_finished(self) -> bool:
        status = self._job.get_job_status().result()
        if status in (JobStatus.FAILED, JobStatus.CANCELED):
            self._job.get_job_execution_result().result()  # raises with the reason
        return bool(status is JobStatus.FINISHED)

    def _state(self) -> str:
        """Where the job stands, for the message of a run that does not end."""
        request = pb.JobRequest(job_id=str(self._job.get_job_id()), fresh_metrics=True)
        details = self._cluster.client.call(lambda dispatcher: dispatcher.get_job_details(request))
        checkpoints = self._cluster.client.call(lambda dispatcher: dispatcher.get_checkpoints(request))
        lines = [f"job {details.summary.state}, {details.restarts} restarts"]
        lines += [
            f"{vertex.name} ({subtask.subtask_index}): {subtask.state}, attempt {subtask.attempt_number}, "
            f"{subtask.metrics.records_in} in, {subtask.metrics.records_out} out"
            for vertex in details.vertices
            for subtask in vertex.subtasks
        ]
        lines += [
            f"checkpoint {each.checkpoint_id} {each.status}, {each.acknowledged} of {each.subtasks}: "
            f"{each.failure.message}"
            for each in checkpoints.history[:5]
        ]
        return "\n".join(lines)

    # ------------------------------------------------------------------ the kills

    def _kill_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        kinds = list(self._settings.victims)
        weights = list(self._settings.victims.values())
        while True:
            pause = self._random.uniform(self._settings.every / 3, self._settings.every)
            if time.monotonic() + pause > end:
                return
            time.sleep(pause)
            (kind,) = self._random.choices(kinds, weights)
            {"worker": self._kill_worker, "taskmanager": self._kill_task_manager, "master": self._kill_master}[kind]()

    def _kill_worker(self) -> None:
        workers = [
            worker
            for task_manager in self._cluster.task_managers
            if task_manager.poll() is None
            for launcher in _children(task_manager.pid)
            for worker in _children(launcher.pid)
        ]
        if workers:
            victim = self._random.choice(workers)
            self._note("worker", victim.pid)
            _kill(victim.pid)

    def _kill_task_manager(self) -> None:
        victim = self._random.choice([each for each in self._cluster.task_managers if each.poll() is None])
        self._note("taskmanager", victim.pid)
        victim.kill()
        victim.wait()
        self._cluster.start_task_manager()

    def _kill_master(self) -> None:
        """Without high availability the job is gone with its JobManager; its checkpoints are not."""
        assert self._cluster.master is not None
        self._note("master", self._cluster.master.pid)
        self._cluster.master.kill()
        self._cluster.master.wait()
        self._cluster.start_master()
        eventually(self._answers, f"the new master\n{self._cluster.logs()}")
        self._submit()

    def _answers(self) -> bool:
        try:
            self._cluster.client.overview()
        except MillstreamError:
            return False
        return True

    def _note(self, kind: str, pid: int) -> None:
        self.kills[kind] += 1
        self._say(f"killing {kind} {pid}")


def _children(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children())
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended by itself
