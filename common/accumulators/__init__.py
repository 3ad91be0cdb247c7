"""Accumulators: what the functions of a job count, put together over all tasks and given to who ran the job.

A function makes one, registers it with its RuntimeContext (``add_accumulator``) and adds to it. Each task has its own;
what they have in the end is merged under the accumulator's name, and is in the job's result. Here is what programs
write and name; how it travels is in :mod:`~millstream.common.accumulators.wire_form`.
"""

from __future__ import annotations

from millstream.common.accumulators.accumulator import Accumulator
from millstream.common.accumulators.average_accumulator import AverageAccumulator
from millstream.common.accumulators.counters import DoubleCounter, IntCounter, LongCounter
from millstream.common.accumulators.extremes import (
    DoubleMaximum,
    DoubleMinimum,
    IntMaximum,
    IntMinimum,
    LongMaximum,
    LongMinimum,
)
from millstream.common.accumulators.histogram import Histogram
from millstream.common.accumulators.list_accumulator import ListAccumulator

__all__ = [
    "Accumulator",
    "AverageAccumulator",
    "DoubleCounter",
    "DoubleMaximum",
    "DoubleMinimum",
    "Histogram",
    "IntCounter",
    "IntMaximum",
    "IntMinimum",
    "ListAccumulator",
    "LongCounter",
    "LongMaximum",
    "LongMinimum",
]
