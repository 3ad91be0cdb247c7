"""A unified Sink at the end of a chain."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.sink import SinkWriter, WriterContext
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output

__all__ = ["SinkWriterOperator"]


class SinkWriterOperator(Operator):
    """Makes the subtask's writer when it opens and gives it each record."""

    def __init__(self, spec: SinkSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._sink = spec.sink
        self._task = context.task
        self._writer: SinkWriter | None = None
        self._context = WriterContext()
        self._records = 0

    def open(self) -> None:
        self._writer = self._sink.create_writer(self._task.subtask_index, self._task.parallelism)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._context.current_watermark = watermark.timestamp
        return (watermark,)

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        if self._writer is None:
            raise RuntimeError(f"sink {self._info.name!r} was given records before it was opened")
        values = batch.values
        it = iter(values)
        write = self._writer.write
        context = self._context
        if batch.timestamps is None:
            context.timestamp = None
            for value in it:
                write(value, context)
        else:
            for timestamp, value in zip(batch.timestamps, it):  # noqa: B905  # of equal length by contract
                context.timestamp = timestamp
                write(value, context)
        self._records += len(values)
        return ()

    def finish(self) -> Iterable[RecordBatch]:
        if self._writer is not None:
            self._writer.flush(True)
        return ()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        found = frame_variables(error, SinkWriterOperator.process_batch.__code__)
        return FailureSite(self._info, "write", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records
