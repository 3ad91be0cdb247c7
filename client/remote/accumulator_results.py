"""The accumulators of the client's own job, merged over its tasks.

Those of Millstream's kinds come merged from the master. What a program has defined itself, and lists, come pickled from
each task: they are opened and merged here, in the program that wrote them.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from millstream.common.accumulators import Accumulator
from millstream.common.accumulators.wire_form import decode, is_open
from millstream.common.failure import first_line

if TYPE_CHECKING:
    from millstream.common.wire.cluster_pb2 import AccumulatorValue, JobDetails

__all__ = ["AccumulatorResults", "accumulator_results"]


@dataclass(slots=True)
class AccumulatorResults:
    """By name.

    :ivar failures: why there is no value.
    """

    values: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def accumulator_results(details: JobDetails) -> AccumulatorResults:
    """Return what the job's functions have counted so far. It opens what they have pickled: only for a job of one's
    own.
    """
    results = AccumulatorResults()
    for merged in details.accumulators:
        name = merged.name
        if merged.HasField("failure"):
            results.failures[name] = first_line(merged.failure)
            continue
        try:
            accumulator = decode(merged) if is_open(merged) else _merged(name, details)
            results.values[name] = accumulator.get_local_value()
        except Exception as error:  # noqa: BLE001  # the user's merge() may raise anything; told to who asks for it
            results.failures[name] = f"accumulator {name!r} cannot be merged: {type(error).__qualname__}: {error}"
    return results


def _merged(name: str, details: JobDetails) -> Accumulator[Any, Any]:
    values = [
        value
        for vertex in details.vertices
        for subtask in vertex.subtasks
        for value in subtask.accumulators
        if value.name == name
    ]
    merged = _opened(values[0])
    for value in values[1:]:
        other = _opened(value)
        if type(other) is not type(merged):
            raise TypeError(
                f"it is a {type(merged).__qualname__} in one task and a {type(other).__qualname__} in another"
            )
        merged.merge(other)
    return merged


def _opened(value: AccumulatorValue) -> Accumulator[Any, Any]:
    if value.HasField("failure"):
        raise ValueError(first_line(value.failure))
    accumulator = pickle.loads(value.pickled)  # the job's own, in the program that runs it
    if not isinstance(accumulator, Accumulator):
        raise TypeError(f"a task has sent {accumulator!r}")
    return accumulator
