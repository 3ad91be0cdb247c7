"""Makes the records of a source what its declared type says."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.records import RecordBatch
from millstream.common.typeinfo import TypeInformation
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output

__all__ = ["ConversionOperator"]


class ConversionOperator(Operator):
    """A part of the source, which counts the records."""

    def __init__(self, output_type: TypeInformation, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._convert = output_type.conversion()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        values = batch.values
        it = iter(values)
        return (RecordBatch(list(map(self._convert, it)), batch.timestamps),)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        found = frame_variables(error, ConversionOperator.process_batch.__code__)
        return FailureSite(self._info, phase or "emit", record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        return ()
