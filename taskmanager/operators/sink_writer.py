"""A unified Sink at the end of a chain: its writer, and where it has one its committer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import SinkSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import CheckpointListener
from millstream.datastream.sink import (
    CommitterInitContext,
    CommittingSinkWriter,
    SinkWriter,
    StatefulSinkWriter,
    SupportsCommitter,
    SupportsWriterState,
    WriterContext,
    WriterInitContext,
)
from millstream.taskmanager.operators.committables import Committables
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.last_checkpoint import comes_last_checkpoint
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup

__all__ = ["SinkWriterOperator"]

_COMMITTABLES = " sink-committables"
_WRITER = " sink-writer"


class SinkWriterOperator(Operator):
    """Makes the subtask's writer when it opens and gives it each record.

    When what a committing writer hands over is committed is said in :mod:`millstream.datastream.sink`. Committables
    belong to the checkpoint at which they were handed over, also if that fails: the next one that is complete takes
    them along.
    """

    def __init__(self, spec: SinkSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._sink = spec.sink
        self._bounded = spec.bounded
        self._checkpointing = context.checkpointing
        self._waits_at_end = comes_last_checkpoint(context)
        self._states = context.state
        self._time = context.processing_time
        task = context.task
        self._place = (
            task.subtask_index,
            task.parallelism,
            task.attempt_number,
            context.state.restored_checkpoint_id,
            task.job_id,
            context.state.lineage_id or task.job_id,
            context.info.operator_id,
            context.checkpointing,
            context.state.settings.configuration,
        )
        self._writer: SinkWriter | None = None
        self._committing: CommittingSinkWriter | None = None
        """The writer, if what it writes is to be committed while the input goes on, without checkpoints."""
        self._committables: Committables | None = None
        self._restored = self._states.is_restored
        self._snapshotted = False
        self._finished = False
        self._broken: BaseException | None = None
        self._writer_alarm: int | None = None
        self._context = WriterContext()
        self._records = 0

    def open(self) -> None:
        sink = self._sink
        if isinstance(sink, SupportsCommitter):
            self._committables = Committables(
                sink.create_committer(CommitterInitContext(*self._place)), self._info.name
            )
            if self._restored:
                # Before there is a writer: it finds outside what the checkpoint says.
                self._committables.restore(self._states.operator().items(_COMMITTABLES) or [])
                self._committables.attempt()
        self._writer = writer = self._create_writer()
        if self._committables is not None:
            if not isinstance(writer, CommittingSinkWriter):
                raise TypeError(
                    f"{type(sink).__name__} has a committer, so its create_writer() has to make a "
                    f"CommittingSinkWriter, not {writer!r}"
                )
            if not self._bounded and not self._checkpointing:
                self._committing = writer
        if isinstance(writer, StatefulSinkWriter) and not isinstance(sink, SupportsWriterState):
            raise TypeError(
                f"{type(sink).__name__} makes writers that have state ({type(writer).__name__}), so it has to be a "
                "SupportsWriterState: give it restore_writer()"
            )
        self._writer_alarm = writer.on_processing_time(self._time.now_ms())
        due = self._committables is not None and self._committables.has_due
        self._time.wake_at(self._time.now_ms() if due else self._writer_alarm)

    def close(self) -> None:
        writer = self._writer
        try:
            if writer is not None:
                try:
                    if self._may_discard() and isinstance(writer, CommittingSinkWriter):
                        writer.discard()
                finally:
                    writer.close()
        finally:
            if self._committables is not None:
                self._committables.close()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._context.current_watermark = watermark.timestamp
        return (watermark,)

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        if self._writer is None:
            raise RuntimeError(f"sink {self._info.name!r} was given records before it was opened")
        self._check()
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
        return () if self._committing is None else self._commit_now(self._committing)

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._writer is None:
            return ()
        due = self._committables is not None and self._committables.has_due
        if not due or (self._writer_alarm is not None and self._writer_alarm <= now_ms):
            self._writer_alarm = self._writer.on_processing_time(now_ms)
        self._time.wake_at(self._writer_alarm)
        if self._committing is not None:
            return self._commit_now(self._committing)
        if self._committables is not None and due:
            return self._committables.commit()
        return ()

    def finish(self) -> Iterable[Output]:
        writer = self._writer
        if writer is None:
            return ()
        self._check()
        writer.flush(True)
        self._finished = True
        if self._waits_at_end or self._committables is None or not isinstance(writer, CommittingSinkWriter):
            return ()  # what there is, is handed over for the last checkpoint
        self._committables.add(writer.prepare_commit())
        self._committables.completed(None)
        return self._committables.commit()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        writer = self._writer
        if writer is None:
            raise RuntimeError(f"sink {self._info.name!r}: a snapshot was taken before it was opened")
        self._check()
        try:
            self._prepare(writer, checkpoint)
        except BaseException as error:
            # What was to be written may be lost to the writer, and a second flush would not know: the job goes back.
            self._broken = error
            raise

    def _prepare(self, writer: SinkWriter, checkpoint: CheckpointInfo) -> None:
        if not self._finished:
            writer.flush(False)
        # Even if what follows fails, files and transactions that the state of a later checkpoint knows must stay.
        self._snapshotted = True
        if self._committables is not None and isinstance(writer, CommittingSinkWriter):
            self._committables.add(writer.prepare_commit(), checkpoint.checkpoint_id)
            self._states.operator().put_items(_COMMITTABLES, self._committables.all())
        if isinstance(writer, StatefulSinkWriter):
            self._states.operator().put_items(_WRITER, list(writer.snapshot_state(checkpoint.checkpoint_id)))

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        if isinstance(self._writer, CheckpointListener):
            self._writer.notify_checkpoint_complete(checkpoint_id)
        if self._committables is None:
            return ()
        self._committables.completed(checkpoint_id)
        return self._committables.commit()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        if isinstance(self._writer, CheckpointListener):
            self._writer.notify_checkpoint_aborted(checkpoint_id)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if _passed(error, Committables.attempt):
            return FailureSite(self._info, "commit")
        if phase is not None:
            return FailureSite(self._info, phase)
        for method in (SinkWriterOperator._commit_now, SinkWriterOperator.prepare_snapshot):
            if _passed(error, method):
                return FailureSite(
                    self._info, "commit" if method is SinkWriterOperator._commit_now else "snapshot_state"
                )
        if _passed(error, SinkWriterOperator.on_wake):
            return FailureSite(self._info, "on_processing_time")
        found = frame_variables(error, SinkWriterOperator.process_batch.__code__)
        return FailureSite(self._info, "write", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records

    def register_metrics(self, group: MetricGroup) -> None:
        group.counter_view("numRecordsSend", lambda: self._records)
        # A record that cannot be written is no number: the job fails with it.
        for name in ("numRecordsSendErrors", "numRecordsOutErrors"):
            group.counter(name)
        if not isinstance(self._sink, SupportsCommitter):
            return
        for name, count in (
            ("totalCommittables", lambda of: of.total),
            ("successfulCommittables", lambda of: of.successful),
            ("failedCommittables", lambda of: of.failed),
            ("retriedCommittables", lambda of: of.retried),
        ):
            group.counter_view(name, partial(self._of_committables, count))
        group.gauge("pendingCommittables", partial(self._of_committables, len))

    def _of_committables(self, number: Callable[[Committables], int]) -> int:
        return 0 if self._committables is None else number(self._committables)

    def _check(self) -> None:
        if self._broken is not None:
            raise MillstreamError(
                f"sink {self._info.name!r} cannot go on after a checkpoint for which it could not write what it had: "
                f"{self._broken!r}"
            ) from self._broken

    def _create_writer(self) -> SinkWriter:
        context = WriterInitContext(*self._place)
        states = self._states.operator().items(_WRITER) if self._restored else None
        if states and isinstance(self._sink, SupportsWriterState):
            return self._sink.restore_writer(context, states)
        writer: SinkWriter = self._sink.create_writer(context)
        return writer

    def _commit_now(self, writer: CommittingSinkWriter) -> Iterable[Output]:
        committables = self._committables
        if committables is None:
            return ()
        committables.add(writer.prepare_commit())
        committables.completed(None)
        if not committables.has_due:
            return ()
        committables.attempt()
        return committables.commit() if committables.has_due else ()

    def _may_discard(self) -> bool:
        """Whether all that was written will be written again."""
        if self._finished or self._snapshotted or self._restored:
            return False
        return self._bounded and not self._checkpointing


def _passed(error: BaseException, method: Any) -> bool:
    return bool(frame_variables(error, method.__code__))
