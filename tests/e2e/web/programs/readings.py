"""Readings that never end: averages per sensor and second, and what was warm, each in a vertex of its own."""

from __future__ import annotations

import time
from typing import Any

from millstream.common import Time
from millstream.common.typeinfo import Types
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import AggregateFunction, SourceContext, SourceFunction
from millstream.datastream.window import TumblingEventTimeWindows


class Readings(SourceFunction):
    """A reading each millisecond or so, in the order of their times."""

    def __init__(self) -> None:
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        number = 0
        while self.running:
            ctx.collect_with_timestamp((f"sensor {number % 7}", number % 40), number)
            number += 1
            if number % 100 == 0:
                ctx.emit_watermark(number - 1)
                time.sleep(0.05)

    def cancel(self) -> None:
        self.running = False


class Mean(AggregateFunction):
    def create_accumulator(self) -> tuple[str, int, int]:
        return "", 0, 0

    def add(self, value: tuple[str, int], accumulator: tuple[str, int, int]) -> tuple[str, int, int]:
        return value[0], accumulator[1] + 1, accumulator[2] + value[1]

    def get_result(self, accumulator: tuple[str, int, int]) -> str:
        return f"{accumulator[0]}: {accumulator[2] / accumulator[1]:.1f}"

    def merge(self, acc_a: tuple[str, int, int], acc_b: tuple[str, int, int]) -> tuple[str, int, int]:
        return acc_a[0], acc_a[1] + acc_b[1], acc_a[2] + acc_b[2]


class Nowhere:
    """Takes what it is given."""

    def __call__(self, value: Any) -> bool:
        return False


def main() -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(2)
    env.enable_checkpointing(1000)
    readings = env.add_source(Readings()).name("readings").set_parallelism(1)
    warm = readings.filter(lambda reading: reading[1] > 20).name("warm")
    means = (
        warm.key_by(lambda reading: reading[0], key_type=Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.seconds(1)))
        .aggregate(Mean(), output_type=Types.STRING())
        .name("means")
    )
    means.rebalance().filter(Nowhere()).name("nowhere").print()
    env.execute("Readings")


if __name__ == "__main__":
    main()
