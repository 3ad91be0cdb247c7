"""A ``SinkFunction``, or a callable of one argument, at the end of a chain."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.graph.operator_spec import SinkFunctionSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import SinkFunction
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.sink_context import RecordSinkContext
from millstream.taskmanager.operators.user_function import UserFunction, positional_capacity

__all__ = ["SinkFunctionOperator"]


class SinkFunctionOperator(Operator):
    """Calls the function for each record."""

    def __init__(self, spec: SinkFunctionSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._function = UserFunction(spec.function, "invoke", context)
        is_sink_function = self._function.call is not spec.function
        self._takes_context = is_sink_function and positional_capacity(self._function.call, 2) >= 2
        self._context = RecordSinkContext(context.clock)
        self._records = 0

    def initialize_state(self) -> None:
        self._function.initialize_state()

    def open(self) -> None:
        self._function.open()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        self._function.snapshot_state(checkpoint)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        self._function.notify_checkpoint_complete(checkpoint_id)
        return ()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._function.notify_checkpoint_aborted(checkpoint_id)

    def finish(self) -> Iterable[Output]:
        if isinstance(self._function.target, SinkFunction):
            self._function.target.finish()
        return ()

    def close(self) -> None:
        self._function.close()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        self._context.watermark = watermark.timestamp
        return (watermark,)

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        values = batch.values
        it = iter(values)
        invoke = self._function.call
        context = self._context
        if not self._takes_context:
            for value in it:
                invoke(value)
        elif batch.timestamps is None:
            context.record_timestamp = None
            for value in it:
                invoke(value, context)
        else:
            for timestamp, value in zip(batch.timestamps, it):  # noqa: B905  # of equal length by contract
                context.record_timestamp = timestamp
                invoke(value, context)
        self._records += len(values)
        return ()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        found = frame_variables(error, SinkFunctionOperator.process_batch.__code__)
        return FailureSite(self._info, "invoke", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records
