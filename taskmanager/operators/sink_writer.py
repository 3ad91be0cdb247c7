"""A unified Sink at the end of a chain: its writer, and where it has one its committer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.sink import Committer, CommittingSinkWriter, SinkWriter, SupportsCommitter, WriterContext
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output

__all__ = ["SinkWriterOperator"]


class SinkWriterOperator(Operator):
    """Makes the subtask's writer when it opens and gives it each record.

    What a committing writer hands over is committed when the input ends; if it may never end, at once.
    """

    def __init__(self, spec: SinkSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._sink = spec.sink
        self._bounded = spec.bounded
        self._task = context.task
        self._time = context.processing_time
        self._writer: SinkWriter | None = None
        self._committing: CommittingSinkWriter | None = None
        """The writer, if what it writes is to be committed while the input goes on."""
        self._committer: Committer | None = None
        self._finished = False
        self._context = WriterContext()
        self._records = 0

    def open(self) -> None:
        self._writer = writer = self._sink.create_writer(self._task.subtask_index, self._task.parallelism)
        if isinstance(self._sink, SupportsCommitter):
            if not isinstance(writer, CommittingSinkWriter):
                raise TypeError(
                    f"{type(self._sink).__name__} has a committer, so its create_writer() has to make a "
                    f"CommittingSinkWriter, not {writer!r}"
                )
            self._committer = self._sink.create_committer()
            self._committing = None if self._bounded else writer
        self._time.wake_at(writer.on_processing_time(self._time.now_ms()))

    def close(self) -> None:
        writer = self._writer
        try:
            if writer is not None:
                try:
                    if self._bounded and not self._finished and isinstance(writer, CommittingSinkWriter):
                        writer.discard()
                finally:
                    writer.close()
        finally:
            if self._committer is not None:
                self._committer.close()

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
        context.processing_time = self._time.now_ms()
        if batch.timestamps is None:
            context.timestamp = None
            for value in it:
                write(value, context)
        else:
            for timestamp, value in zip(batch.timestamps, it):  # noqa: B905  # of equal length by contract
                context.timestamp = timestamp
                write(value, context)
        self._records += len(values)
        if self._committing is not None:
            self._commit(self._committing)
        return ()

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._writer is not None:
            self._time.wake_at(self._writer.on_processing_time(now_ms))
            if self._committing is not None:
                self._commit(self._committing)
        return ()

    def finish(self) -> Iterable[RecordBatch]:
        writer = self._writer
        if writer is not None:
            writer.flush(True)
            if isinstance(writer, CommittingSinkWriter):
                self._commit(writer)
        self._finished = True
        return ()

    def _commit(self, writer: CommittingSinkWriter) -> None:
        committables = writer.prepare_commit()
        if committables and self._committer is not None:
            self._committer.commit(committables)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        if _passed(error, SinkWriterOperator._commit):
            return FailureSite(self._info, "commit")
        if _passed(error, SinkWriterOperator.on_wake):
            return FailureSite(self._info, "on_processing_time")
        found = frame_variables(error, SinkWriterOperator.process_batch.__code__)
        return FailureSite(self._info, "write", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records


def _passed(error: BaseException, method: Any) -> bool:
    return bool(frame_variables(error, method.__code__))
