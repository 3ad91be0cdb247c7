"""How much faster than a real cluster a simulated one runs: a word count on four simulated TaskManagers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from millstream.common.config import Configuration
from millstream.common.records import RecordBatch
from millstream.common.watermark_strategy import WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.testing.simulation.job_capture import graph_of
from millstream.testing.simulation.runner import ClusterShape, run_seed
from millstream.testing.simulation.workload import Workload, program_settings

__all__ = ["measure_simulation"]

_SHAPE = ClusterShape(masters=2, task_managers=4, slots=1)
_LINES_PER_SECOND = 10
_LINE = "the quick brown fox jumps over the lazy dog"


class _Lines(Source):
    """Each subtask gives a line of nine words ten times a second."""

    def __init__(self, seconds: int) -> None:
        self._count = seconds * _LINES_PER_SECOND

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _LineReader(self._count)


class _LineReader(SourceReader):
    def __init__(self, count: int) -> None:
        self._left = count
        self._due = 0.0

    def start(self) -> None:
        self._due = asyncio.get_running_loop().time()

    def poll(self) -> RecordBatch | InputStatus:
        if not self._left:
            return InputStatus.END_OF_INPUT
        if self._due > asyncio.get_running_loop().time():
            return InputStatus.NOTHING_AVAILABLE
        self._due += 1 / _LINES_PER_SECOND
        self._left -= 1
        return RecordBatch([_LINE])

    async def wait_available(self) -> None:
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))

    def snapshot_state(self) -> Sequence[Any]:
        return (self._left,)

    def restore_state(self, splits: Sequence[Any]) -> None:
        (self._left,) = splits


def measure_simulation(seconds: int, runs: int) -> list[float]:
    """Return how many simulated seconds went by in a second of the processor's time, one for each run.

    With high availability and a checkpoint each second; nothing goes wrong.

    :param seconds: how long the job's input is.
    :raises RuntimeError: the job has not ended as it should.
    """
    logging.getLogger("millstream").setLevel(logging.ERROR)

    def word_count(env: StreamExecutionEnvironment) -> None:
        env.set_parallelism(_SHAPE.task_managers)
        (
            env.from_source(_Lines(seconds), WatermarkStrategy.no_watermarks(), "lines")
            .flat_map(lambda line: [(word, 1) for word in line.split()])
            .key_by(lambda pair: pair[0])
            .reduce(lambda a, b: (a[0], a[1] + b[1]))
            .map(lambda pair: pair[1])
        )

    settings = {**program_settings(), "execution.checkpointing.interval": "1 s"}
    job = Workload("word count", graph_of(word_count, Configuration.from_map(settings)), lambda *_: {})
    speeds = []
    for run in range(runs + 1):
        began = time.process_time()
        report = run_seed(job, run, _SHAPE)
        if report.violations or report.status != "FINISHED":
            raise RuntimeError(f"the simulated word count is {report.status or 'unknown'}: {report.story()}")
        speeds.append(report.simulated_seconds / (time.process_time() - began))
    return speeds[1:]  # modules are imported in the first one
