"""Makes the records of a source what its declared type says."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.records import RecordBatch
from millstream.common.typeinfo import TypeInformation
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.output_conversion import OutputConversion

__all__ = ["ConversionOperator"]


class ConversionOperator(Operator):
    """A part of the source, which counts the records."""

    def __init__(self, output_type: TypeInformation, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._conversion = OutputConversion(output_type)

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        values = batch.values
        return (RecordBatch(self._conversion.convert(values, values), batch.timestamps),)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return FailureSite(self._info, phase or "emit", self._conversion.refused(error))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        return ()
