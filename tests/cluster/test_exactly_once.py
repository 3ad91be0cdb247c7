"""Failures of a job with sums and windows: what it commits is that of a run without them, under any configuration."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.datastream.functions import (
    CheckpointedFunction,
    CheckpointListener,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    MapFunction,
)
from millstream.testing import environment_for
from millstream.testing.process_cluster import eventually
from tests.chaos import program
from tests.chaos.monkey import committed_lines
from tests.cluster.random_configuration import random_configuration

COUNT = 6_000
STAGES = ["map", "map, then restore", "snapshot", "notify", "close"]
ALL = list(itertools.product(STAGES, ["hashmap", "rocksdb"], [False, True]))
# By default each stage once; backends and alignments take turns.
CASES = ALL if os.environ.get("MILLSTREAM_ALL_CASES") else [ALL[4 * at + at % 4] for at in range(len(STAGES))]


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    module = sys.modules[program.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    """Its slots are threads: what is looked at here is the engine, not the processes."""
    with MiniCluster(slots_per_task_manager=3, isolation="thread") as started:
        yield started


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return program.expected_lines(COUNT)


class FailsOnce(MapFunction, CheckpointedFunction, CheckpointListener):
    """Passes records on, and fails once in all the attempts of all subtasks, at a stage.

    The failure in ``map`` waits for a completed checkpoint, so that there is something to go back to.
    """

    def __init__(self, stage: str, mark: Path) -> None:
        self.stage = stage
        self.mark = str(mark)
        self.completed = 0
        self.snapshots = 0

    def fail(self, stage: str) -> None:
        if stage == self.stage:
            try:
                Path(self.mark).touch(exist_ok=False)
            except FileExistsError:
                return
            raise RuntimeError(f"this was to fail in {stage}")

    def map(self, value: Any) -> Any:
        if self.completed >= 2:
            self.fail("map")
            self.fail("map, then restore")
        return value

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        second = Path(self.mark).with_suffix(".second")
        if context.is_restored() and self.stage == "map, then restore" and not second.exists():
            second.touch()
            raise RuntimeError("this was to fail in initialize_state")

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        self.snapshots += 1
        if self.snapshots == 3:
            self.fail("snapshot")

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self.completed += 1
        if self.completed == 2:
            self.fail("notify")

    def close(self) -> None:
        if self.completed >= 1:
            self.fail("close")


def settings_for(tmp_path: Path, drawn: dict[str, str]) -> Configuration:
    return Configuration.from_map(
        {
            "execution.checkpointing.dir": (tmp_path / "checkpoints").as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.tolerable-failed-checkpoints": "3",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "5",
            "restart-strategy.fixed-delay.delay": "10 ms",
            **drawn,
        }
    )


@pytest.mark.parametrize(("stage", "backend", "unaligned"), CASES)
def test_a_failure_loses_and_repeats_nothing(
    cluster: MiniCluster, tmp_path: Path, expected: list[str], stage: str, backend: str, unaligned: bool
) -> None:
    _, drawn = random_configuration(f"{stage} {backend}", unaligned=unaligned, backend=backend)
    hurry = tmp_path / "hurry"
    mark = tmp_path / "failed"

    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        program.build_job(env, COUNT, COUNT / 3, hurry, tmp_path / "output", 3, through=FailsOnce(stage, mark))
        job = env.execute_async(f"fails in {stage}")
        if stage != "close":
            eventually(mark.exists, "the failure", 30.0)
        hurry.touch()
        job.get_job_execution_result().result()
    assert mark.exists()
    assert committed_lines(tmp_path / "output") == expected
