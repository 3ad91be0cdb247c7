"""Helpers of the operator tests."""

from __future__ import annotations

from typing import Any

from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo, TaskInfo


def context(name: str = "op", *, inline: bool = False, **task: Any) -> OperatorContext:
    return OperatorContext(OperatorInfo(name, f"id-{name}"), TaskInfo(**task), inline=inline)


def run(operator: Operator, values: list[Any], timestamps: list[int | None] | None = None) -> list[Any]:
    """All records that the operator makes of one batch."""
    outputs = operator.process_batch(RecordBatch(values, timestamps))
    return [value for batch in outputs if isinstance(batch, RecordBatch) for value in batch.values]


def run_stamped(operator: Operator, values: list[Any], timestamps: list[int | None]) -> list[tuple[Any, int | None]]:
    pairs: list[tuple[Any, int | None]] = []
    for batch in operator.process_batch(RecordBatch(values, timestamps)):
        assert isinstance(batch, RecordBatch)
        assert batch.timestamps is not None
        pairs.extend(zip(batch.values, batch.timestamps, strict=True))
    return pairs


def failure_of(operator: Operator, values: list[Any], timestamps: list[int | None] | None = None) -> BaseException:
    try:
        run(operator, values, timestamps)
    except BaseException as error:  # noqa: BLE001  # that is what the tests look at
        return error
    raise AssertionError("the operator did not fail")
