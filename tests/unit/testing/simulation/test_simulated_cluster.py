"""A master, TaskManagers and their slot workers, all in one thread: the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from millstream.common.watermark_strategy import WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext, SourceFunction
from millstream.testing.simulation.simulation import Simulation
from tests.unit.testing.simulation import word_count_cluster as job
from tests.unit.testing.simulation.paced_words import PacedWords


def _run_word_count(seed: int) -> str:
    job.counted.clear()
    with Simulation(seed) as simulation:
        cluster = job.WordCountCluster(simulation)
        cluster.submit()
        simulation.run_until(lambda: cluster.status in ("FINISHED", "FAILED"), 60, "the job ends")
        assert cluster.status == "FINISHED", cluster.failure
        assert job.counted == Counter(" ".join(job.TEXT).split())
        assert simulation.errors == []
        return simulation.fingerprint()


def test_a_word_count_runs_to_its_end_alike_for_alike_seeds() -> None:
    assert _run_word_count(4) == _run_word_count(4)
    assert _run_word_count(4) != _run_word_count(5)


def test_other_operating_system_processes_have_the_same_history() -> None:
    program = f"from {__name__} import _run_word_count; print(_run_word_count(11))"
    command = [sys.executable, "-c", program]
    prints = [_output_of(command, seed) for seed in ("1", "2")]
    assert prints[0] == prints[1] != b""


def _output_of(command: list[str], hash_seed: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    root = Path(__file__).parents[4]
    return subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True).stdout


def _paced(env: StreamExecutionEnvironment) -> None:
    env.enable_checkpointing(500)
    (
        env.from_source(PacedWords(200, per_second=20), WatermarkStrategy.no_watermarks(), "words")
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .map(job.keep)
    )


def test_a_job_survives_a_task_manager_that_is_killed(tmp_path: Path) -> None:
    job.counted.clear()
    settings = {
        "state.checkpoints.dir": tmp_path.as_uri(),
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "9",
    }
    with Simulation(1) as simulation:
        cluster = job.WordCountCluster(simulation, 3, _paced, 2, settings)
        cluster.submit()
        simulation.run_until(lambda: any(tmp_path.rglob("_metadata")), 20, "a checkpoint is complete")
        victim = next(each for each in cluster.task_managers if f"{each.name}-worker-1" in simulation.processes)
        victim.kill("for the test")
        simulation.run_for(0.1)
        assert not any(each.alive for each in simulation.processes.values() if each.name.startswith(victim.name))
        simulation.run_until(lambda: cluster.status in ("FINISHED", "FAILED"), 60, "the job ends")
        assert cluster.status == "FINISHED", cluster.failure
        # Exactly once: in each of the two subtasks of the source, each of the words 40 times.
        assert job.counted == {f"word{number}": 80 for number in range(5)}
        assert simulation.errors == []


class Blocking(SourceFunction):
    """A source of the kind that needs a thread."""

    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)

    def cancel(self) -> None:
        pass


def test_a_source_that_needs_a_thread_is_refused_by_name() -> None:
    def program(env: StreamExecutionEnvironment) -> None:
        env.add_source(Blocking(), "blocker").print()

    with Simulation(1) as simulation:
        cluster = job.WordCountCluster(simulation, program=program, parallelism=1)
        cluster.submit()
        simulation.run_until(lambda: cluster.status in ("FINISHED", "FAILED"), 60, "the job ends")
        assert cluster.status == "FAILED"
        assert "source blocker (1/1)" in cluster.failure
        assert "use from_collection, or a Source" in cluster.failure


def test_a_job_survives_a_worker_that_stands_still_for_ever(tmp_path: Path) -> None:
    job.counted.clear()
    settings = {
        "state.checkpoints.dir": tmp_path.as_uri(),
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "9",
        "heartbeat.timeout": "20 s",
    }
    with Simulation(1) as simulation:
        cluster = job.WordCountCluster(simulation, 3, _paced, 2, settings)
        cluster.submit()
        simulation.run_until(lambda: any(tmp_path.rglob("_metadata")), 20, "a checkpoint is complete")
        victim = next(each for each in simulation.processes.values() if each.name.endswith("-worker-1") and each.alive)
        victim.pause()
        simulation.run_until(lambda: cluster.status in ("FINISHED", "FAILED"), 120, "the job ends")
        assert cluster.status == "FINISHED", cluster.failure
        assert "stood still for 20 s (heartbeat.timeout)" in cluster.failure
        assert job.counted == {f"word{number}": 80 for number in range(5)}
        assert simulation.errors == []
