"""Memory of open windows: a million keys, each with an accumulator of its own.

The window operator of each case runs alone in a process of its own, which says by how much its resident memory grew;
what the accumulators themselves take is measured in the same way and taken off.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psutil

__all__ = ["measure_panes"]

_BATCH = 1_024


class Sum:
    """Sums of the second fields, as ``[sum, count]``."""

    def create_accumulator(self) -> list[int]:
        return [0, 0]

    def add(self, value: tuple[int, int], accumulator: list[int]) -> list[int]:
        accumulator[0] += value[1]
        accumulator[1] += 1
        return accumulator

    def get_result(self, accumulator: list[int]) -> int:
        return accumulator[0]

    def merge(self, acc_a: list[int], acc_b: list[int]) -> list[int]:
        return [acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]]


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _accumulators(count: int) -> Callable[[], object]:
    function = Sum()
    kept: list[Any] = []

    def run() -> object:
        kept.extend(function.add((0, 1), function.create_accumulator()) for _ in range(count))
        return kept

    return run


def _windows(count: int, *, sliding: bool) -> Callable[[], object]:
    from millstream.common.graph.operator_spec import WindowSpec
    from millstream.common.records import RecordBatch
    from millstream.datastream.window import SlidingEventTimeWindows, TumblingEventTimeWindows
    from millstream.taskmanager.operators.operator import OperatorContext, OperatorInfo
    from millstream.taskmanager.operators.registry import create_operator

    assigner = SlidingEventTimeWindows(10_000, 1_000) if sliding else TumblingEventTimeWindows(1_000)
    spec = WindowSpec(assigner, "aggregate", lambda pair: pair[0], Sum())
    operator = create_operator(spec, OperatorContext(OperatorInfo("windows")))
    operator.open()
    keys = count // 10 if sliding else count

    def run() -> object:
        for start in range(0, keys, _BATCH):
            values = [(key + 1_000_000_000, 1) for key in range(start, min(start + _BATCH, keys))]
            for _ in operator.process_batch(RecordBatch(values, [0] * len(values))):
                pass
        return operator

    return run


_CASES: dict[str, Callable[[int], Callable[[], object]]] = {
    "accumulators": _accumulators,
    "tumbling": lambda count: _windows(count, sliding=False),
    "sliding": lambda count: _windows(count, sliding=True),
}


def grown(case: str, count: int) -> int:
    """Return by how many bytes this process grew. For a process of its own."""
    run = _CASES[case](count)
    before = _resident()
    held = run()
    after = _resident()
    del held
    return after - before


def measure_panes(count: int) -> dict[str, float]:
    """Return bytes per key and window, by title."""
    sizes = {}
    for case in _CASES:
        code = "import sys; from benchmarks.window_memory import grown; print(grown(sys.argv[1], int(sys.argv[2])))"
        done = subprocess.run(
            [sys.executable, "-c", code, case, str(count)], capture_output=True, text=True, check=True
        )
        sizes[case] = int(done.stdout)
    return {
        f"{count:,} keys in tumbling windows": (sizes["tumbling"] - sizes["accumulators"]) / count,
        f"{count // 10:,} keys in 10 sliding windows each": (sizes["sliding"] - sizes["accumulators"]) / count,
    }
