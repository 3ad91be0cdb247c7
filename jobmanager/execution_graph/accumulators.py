"""Accumulators of a job: what its tasks have counted, put together.

What is pickled is not opened here: the program that runs the job merges it, from the values of each subtask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from millstream.common.accumulators.wire_form import decode, encode, is_open, shown
from millstream.common.failure import USER_CODE, FailureInfo, engine_failure
from millstream.common.wire.cluster_pb2 import AccumulatorValue

__all__ = ["AccumulatorBudget", "merged_accumulators"]


def merged_accumulators(values: Iterable[AccumulatorValue]) -> list[AccumulatorValue]:
    """Return one value for each name, in the order of names. Of those that are pickled it has only the texts."""
    by_name: dict[str, list[AccumulatorValue]] = {}
    for value in values:
        by_name.setdefault(value.name, []).append(value)
    return [_merged(name, by_name[name]) for name in sorted(by_name)]


def _merged(name: str, values: Sequence[AccumulatorValue]) -> AccumulatorValue:
    result = AccumulatorValue(name=name, type=values[0].type)
    failed = next((value for value in values if value.HasField("failure")), None)
    types = sorted({value.type for value in values})
    if failed is not None:
        result.failure.CopyFrom(failed.failure)
    elif len(types) > 1 or len({is_open(value) for value in values}) > 1:
        result.failure.CopyFrom(_of_different_types(name, types))
    elif is_open(values[0]):
        try:
            _merge_open(values, result)
        except ValueError as error:  # too many digits, or bits
            result.failure.CopyFrom(
                engine_failure(
                    USER_CODE, f"accumulator {name!r} cannot be merged: {error}", exception_type="ValueError"
                )
            )
    else:
        result.text = values[0].text if len(values) == 1 else shown("; ".join(value.text for value in values))
    return result


def _merge_open(values: Sequence[AccumulatorValue], result: AccumulatorValue) -> None:
    total = decode(values[0])
    for value in values[1:]:
        total.merge(decode(value))
    merged = encode(result.name, total)
    if merged is not None:
        result.CopyFrom(merged)


def _of_different_types(name: str, types: Sequence[str]) -> FailureInfo:
    kinds = " and ".join(types) if len(types) > 1 else f"{types[0]} and a class of the same name"
    return engine_failure(
        USER_CODE,
        f"accumulator {name!r} is of different types in different tasks ({kinds}), so it cannot be merged: add each "
        "under a name of its own",
    )


class AccumulatorBudget:
    """How many bytes of accumulators one report on a job may hold, so that it fits into a message however many tasks
    there are. What finds no room is told as a failure of that accumulator.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size

    def take(self, value: AccumulatorValue) -> AccumulatorValue:
        """Return the value as it is to be reported."""
        size = value.ByteSize()
        if size <= self._left:
            self._left -= size
            return value
        return AccumulatorValue(
            name=value.name,
            type=value.type,
            text=value.text,
            failure=engine_failure(
                USER_CODE,
                f"the accumulators of the job's tasks have more than {self._size} bytes together, so {value.name!r} "
                "is not told completely: accumulate less (write large results to a sink), or raise pekko.framesize",
            ),
        )
