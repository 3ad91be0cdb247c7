"""A job with a large state that stands still once it is loaded: what checkpoints and restores are measured with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millstream.common import Types
from millstream.common.records import RecordBatch
from millstream.common.watermark_strategy import WatermarkStrategy
from millstream.datastream.functions import KeyedProcessFunction, RuntimeContext, SinkFunction
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["standing_job"]

_PER_BATCH = 1024


class StandingSource(Source):
    """Gives each key once, then every key of a first part again for each line in a file, and never ends."""

    def __init__(self, keys: int, again: str, part: int) -> None:
        self._keys = keys
        self._again = again
        self._part = part

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.CONTINUOUS_UNBOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        index, parallelism = context.index_of_subtask, context.parallelism
        return _StandingReader(
            [(0, each, each) for each in range(index, 16, parallelism)], self._keys, self._again, self._part
        )


class _StandingReader(SourceReader):
    """Its state is splits ``(round, residue, next key)``."""

    def __init__(self, splits: Sequence[tuple[int, int, int]], keys: int, again: str, part: int) -> None:
        self._splits = list(splits)
        self._keys = keys
        self._again = Path(again)
        self._part = part

    def poll(self) -> RecordBatch | InputStatus:
        for index, (turn, residue, key) in enumerate(self._splits):
            end = self._keys if turn == 0 else self._part
            if key < end:
                values = list(range(key, min(key + 16 * _PER_BATCH, end), 16))
                self._splits[index] = (turn, residue, values[-1] + 16)
                return RecordBatch([(value, turn) for value in values])
            if turn < self._rounds():
                self._splits[index] = (turn + 1, residue, residue)
                return RecordBatch([])
        return InputStatus.NOTHING_AVAILABLE

    def _rounds(self) -> int:
        return len(self._again.read_text().splitlines()) if self._again.exists() else 0

    async def wait_available(self) -> None:
        await asyncio.sleep(0.02)

    def snapshot_state(self) -> Sequence[Any]:
        return tuple(self._splits)

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._splits = list(splits)


class Remember(KeyedProcessFunction):
    """Keeps the round in which a key was seen last, with as many bytes as are asked for."""

    def __init__(self, size: int) -> None:
        self.size = size

    def open(self, runtime_context: RuntimeContext) -> None:
        value_type = Types.PICKLED_BYTE_ARRAY() if self.size else Types.LONG()
        self.seen: Any = runtime_context.get_state(ValueStateDescriptor("seen", value_type))

    def process_element(self, value: tuple[int, int], ctx: Any) -> Iterator[tuple[int, int]]:
        before = self.seen.value()
        self.seen.update((value[1], str(value[0]).encode() * (self.size // 8)) if self.size else value[0] * 1000)
        if before is not None:
            yield value


class Nowhere(SinkFunction):
    """Notes in a file that something came."""

    def __init__(self, first: str) -> None:
        self.first = Path(first)
        self.seen = False

    def invoke(self, value: Any, context: Any) -> None:
        if not self.seen:
            self.seen = True
            self.first.touch()


def standing_job(env: StreamExecutionEnvironment, keys: int, directory: Path, size: int = 0, part: int = 1000) -> None:
    """Define the job.

    :param directory: a line in its file ``again`` makes the first ``part`` keys come again; the first record that
        comes out behind the state makes the file ``first``.
    :param size: bytes per value; 0: an int.
    """
    (
        env.from_source(StandingSource(keys, str(directory / "again"), part), WatermarkStrategy.no_watermarks(), "keys")
        .uid("keys")
        .key_by(lambda pair: pair[0])
        .process(Remember(size))
        .uid("remember")
        .add_sink(Nowhere(str(directory / "first")))
        .uid("nowhere")
    )
