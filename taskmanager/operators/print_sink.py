"""``print()``: one line per record on the worker's standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from millstream.common.graph.operator_spec import PrintSinkSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo

__all__ = ["PrintSinkOperator"]


class PrintSinkOperator(Operator):
    """Writes whole lines, all of a batch at once, so that the lines of several subtasks do not mix.

    The prefix is Flink's: ``identifier:2> `` with an identifier and more than one subtask, ``identifier> `` or
    ``2> `` with one of the two, none without.
    """

    def __init__(self, spec: PrintSinkSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._to_stderr = spec.to_stderr
        parts = [spec.identifier] if spec.identifier else []
        if context.task.parallelism > 1:
            parts.append(str(context.task.subtask_index + 1))
        self._prefix = ":".join(parts) + "> " if parts else ""
        self._records = 0

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        values = batch.values
        it = iter(values)
        prefix = self._prefix
        text = "".join([f"{prefix}{value!s}\n" for value in it])
        # Looked up each time: who redirects standard output in a local run wants the lines there.
        stream = sys.stderr if self._to_stderr else sys.stdout
        stream.write(text)
        stream.flush()
        self._records += len(values)
        return ()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        found = frame_variables(error, PrintSinkOperator.process_batch.__code__)
        return FailureSite(self._info, "print", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records
