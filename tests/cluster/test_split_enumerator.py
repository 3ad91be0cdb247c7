"""A source with an enumerator on a cluster: each split is read once, whatever fails and however many readers read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.common.records import RecordBatch
from millstream.common.serialization import Encoder
from millstream.common.states import JobStatus
from millstream.connectors.file_system import FileSink
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.source import InputStatus, SourceReader, SourceReaderContext
from millstream.testing import environment_for
from millstream.testing.process_cluster import eventually
from tests.chaos.monkey import committed_lines
from tests.cluster.random_configuration import random_configuration
from tests.cluster.test_exactly_once import FailsOnce, settings_for
from tests.unit.taskmanager.task.enumerated import RangeReader, RangeSource

SPLITS = 80
LENGTH = 50
EXPECTED = sorted(map(str, range(SPLITS * LENGTH)))


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    """Slots that are threads."""
    with MiniCluster(slots_per_task_manager=8, isolation="thread") as started:
        yield started


class PacedRanges(RangeSource):
    """Read slowly, until a file says hurry."""

    def __init__(self, hurry: Path, *, endless: bool = False) -> None:
        ranges = [(first, first + LENGTH) for first in range(0, SPLITS * LENGTH, LENGTH)]
        super().__init__(ranges, endless=endless)
        self.hurry = str(hurry)

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _PacedReader(self.hurry, context)


class _PacedReader(RangeReader):
    def __init__(self, hurry: str, context: SourceReaderContext) -> None:
        super().__init__(5, context.send_split_request)
        self.hurry = Path(hurry)
        self.due = False

    def poll(self) -> RecordBatch | InputStatus:
        if self.ranges and not self.due and not self.hurry.exists():
            return InputStatus.NOTHING_AVAILABLE
        self.due = False
        return super().poll()

    async def wait_available(self) -> None:
        await asyncio.sleep(0.02)
        self.due = True


def _define(
    env: StreamExecutionEnvironment, source: PacedRanges, output: Path, parallelism: int, *through: Any
) -> None:
    env.set_parallelism(parallelism)
    stream = env.from_source(source, None, "ranges").uid("ranges")
    for function in through:
        stream = stream.rebalance().map(function).uid("through")
    sink = FileSink.for_row_format(str(output), Encoder.simple_string_encoder()).build()
    stream.map(str).sink_to(sink).uid("files")


def _latest(tmp_path: Path) -> tuple[int, Path]:
    """Number and directory of the newest complete checkpoint of all jobs; 0: there is none."""
    found = [path.parent for path in (tmp_path / "checkpoints").glob("*/chk-*/_metadata")]
    return max(((int(path.name.removeprefix("chk-")), path) for path in found), default=(0, tmp_path))


@pytest.mark.parametrize("unaligned", [False, True], ids=["aligned", "unaligned"])
@pytest.mark.parametrize("stage", ["map", "snapshot", "notify"])
def test_a_failure_loses_and_repeats_no_split(
    cluster: MiniCluster, tmp_path: Path, stage: str, unaligned: bool
) -> None:
    _, drawn = random_configuration(f"splits {stage}", unaligned=unaligned)
    hurry, mark, output = tmp_path / "hurry", tmp_path / "failed", tmp_path / "output"
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry), output, 3, FailsOnce(stage, mark))
        job = env.execute_async(f"fails in {stage}")
        eventually(mark.exists, "the failure", 30.0)
        hurry.touch()
        job.get_job_execution_result().result()
    assert committed_lines(output) == EXPECTED


@pytest.mark.parametrize("unaligned", [False, True], ids=["aligned", "unaligned"])
@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 1), (3, 7)])
def test_the_splits_move_to_other_readers(
    cluster: MiniCluster, tmp_path: Path, before: int, after: int, unaligned: bool
) -> None:
    _, drawn = random_configuration(f"splits {before} {after}", unaligned=unaligned)
    hurry, output = tmp_path / "hurry", tmp_path / "output"
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry), output, before)
        job = env.execute_async("before")
        eventually(lambda: _latest(tmp_path)[0] > 3, "some checkpoints", 30.0)
        job.cancel().result()
        eventually(lambda: job.get_job_status().result() is JobStatus.CANCELED, "the end of the first job", 30.0)
    hurry.touch()
    drawn["execution.state-recovery.path"] = _latest(tmp_path)[1].as_uri()
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry), output, after)
        env.execute("after")
    assert committed_lines(output) == EXPECTED


def test_a_job_stops_with_a_savepoint_and_goes_on(cluster: MiniCluster, tmp_path: Path) -> None:
    _, drawn = random_configuration("splits stop")
    hurry, output = tmp_path / "hurry", tmp_path / "output"
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry, endless=True), output, 2)
        job = env.execute_async("stops")
        eventually(lambda: _latest(tmp_path)[0] > 8, "some checkpoints", 30.0)
        path = job.stop_with_savepoint(False, str(tmp_path / "savepoints")).result()
        job.get_job_execution_result().result()
    assert len(committed_lines(output)) < len(EXPECTED)
    hurry.touch()
    drawn["execution.state-recovery.path"] = path
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry), output, 3)
        env.execute("goes on")
    assert committed_lines(output) == EXPECTED


def test_a_job_is_drained(cluster: MiniCluster, tmp_path: Path) -> None:
    _, drawn = random_configuration("splits drain")
    hurry, output = tmp_path / "hurry", tmp_path / "output"
    with environment_for(cluster, settings_for(tmp_path, drawn)) as env:
        _define(env, PacedRanges(hurry, endless=True), output, 2)
        job = env.execute_async("is drained")
        eventually(lambda: _latest(tmp_path)[0] > 8, "some checkpoints", 30.0)
        job.stop_with_savepoint(True, str(tmp_path / "savepoints")).result()
        job.get_job_execution_result().result()
    lines = committed_lines(output)
    assert 0 < len(lines) == len(set(lines)) < len(EXPECTED)


def test_the_job_shows_its_enumerator_and_needs_no_slot_more(cluster: MiniCluster, tmp_path: Path) -> None:
    hurry = tmp_path / "hurry"
    hurry.touch()
    with environment_for(cluster, Configuration()) as env:
        _define(env, PacedRanges(hurry), tmp_path / "output", 8)
        job = env.execute_async("eight slots")
        job.get_job_execution_result().result()
        details = cluster.client.job(job.get_job_id()).get_job_details()
    names = [vertex.name for vertex in details.vertices]
    assert names[0] == "Source: ranges (enumerator)"
    assert names[1].startswith("Source: ranges -> ")
