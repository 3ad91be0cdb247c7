"""Accumulators of a job: what its tasks have counted, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from millstream.common.wire.cluster_pb2 import AccumulatorValue

__all__ = ["merged_accumulators"]


def _whole_sum(texts: list[str]) -> str:
    return str(sum(map(int, texts)))


def _sum(texts: list[str]) -> str:
    return str(sum(map(float, texts)))


_MERGED: Final[dict[str, Callable[[list[str]], str]]] = {
    "IntCounter": _whole_sum,
    "LongCounter": _whole_sum,
    "DoubleCounter": _sum,
    "IntMinimum": lambda texts: str(min(map(int, texts))),
    "IntMaximum": lambda texts: str(max(map(int, texts))),
    "DoubleMinimum": lambda texts: str(min(map(float, texts))),
    "DoubleMaximum": lambda texts: str(max(map(float, texts))),
}


def merged_accumulators(values: Iterable[AccumulatorValue]) -> list[AccumulatorValue]:
    """Return one value for each name, in the order of names. Those of other types than plain numbers are left out:
    nobody but their tasks knows how to merge them.
    """
    by_name: dict[tuple[str, str], list[AccumulatorValue]] = {}
    for value in values:
        if value.type in _MERGED:
            by_name.setdefault((value.name, value.type), []).append(value)
    return [_merged(name, kind, by_name[name, kind]) for name, kind in sorted(by_name)]


def _merged(name: str, kind: str, values: list[AccumulatorValue]) -> AccumulatorValue:
    result = AccumulatorValue(name=name, type=kind)
    failed = next((value for value in values if value.HasField("failure")), None)
    if failed is not None:
        result.failure.CopyFrom(failed.failure)
        return result
    result.text = _MERGED[kind]([value.text for value in values])
    return result
