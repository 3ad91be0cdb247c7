"""Watches sensors whose readings come out of order: averages per second, late readings, and alarms.

A source makes up readings of ten sensors, up to 100 ms out of order, a few of them far too late. Of these

* a window makes averages per sensor and second; what comes too late for it goes to a side output;
* a process function with a timer per sensor gives an alarm when a sensor has only become warmer for a second.

``python examples/sensor_readings.py`` runs it on a cluster inside its own process; ``millstream run`` on a cluster.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from millstream.common import Time, Types
from millstream.datastream import OutputTag, StreamExecutionEnvironment
from millstream.datastream.functions import (
    AggregateFunction,
    KeyedProcessFunction,
    ProcessWindowFunction,
    RuntimeContext,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window import TumblingEventTimeWindows

TOO_LATE = OutputTag("too late")


class Reading(NamedTuple):
    sensor: str
    time: int
    celsius: float


class Sensors(SourceFunction):
    """A reading every 10 ms of event time. Each sensor's temperature goes up and down at random."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.running = True

    def run(self, ctx: SourceContext) -> None:
        chance = random.Random(0)
        celsius = [20.0] * 10
        for number in range(self.count):
            if not self.running:
                return
            sensor = chance.randrange(10)
            celsius[sensor] += chance.uniform(-1, 1.5 if sensor == 7 else 1)
            delay = 2_000 if chance.random() < 0.01 and number > 200 else chance.randrange(100)
            time = 1_000 + 10 * number
            reading = Reading(f"sensor_{sensor}", max(0, time - delay), round(celsius[sensor], 1))
            ctx.collect_with_timestamp(reading, reading.time)
            if number % 10 == 9:
                ctx.emit_watermark(time - 100)

    def cancel(self) -> None:
        self.running = False


class Average(AggregateFunction):
    def create_accumulator(self) -> tuple[int, float]:
        return 0, 0.0

    def add(self, value: Reading, accumulator: tuple[int, float]) -> tuple[int, float]:
        return accumulator[0] + 1, accumulator[1] + value.celsius

    def get_result(self, accumulator: tuple[int, float]) -> float:
        return accumulator[1] / accumulator[0]

    def merge(self, acc_a: tuple[int, float], acc_b: tuple[int, float]) -> tuple[int, float]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Line(ProcessWindowFunction[float, str, str, Any]):
    """Says of which sensor and second an average is."""

    def process(self, key: str, context: ProcessWindowFunction.Context[Any], elements: Any) -> Iterator[str]:
        for average in elements:
            yield f"second {context.window().start // 1000}: {key} {average:.1f}"


class RisingForASecond(KeyedProcessFunction):
    """An alarm when nothing but higher temperatures have come for a second, in the order in which they come."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.last = runtime_context.get_state(ValueStateDescriptor("last", Types.DOUBLE()))
        self.timer = runtime_context.get_state(ValueStateDescriptor("timer", Types.LONG()))

    def process_element(self, value: Reading, ctx: KeyedProcessFunction.Context) -> None:
        last, timer = self.last.value(), self.timer.value()
        self.last.update(value.celsius)
        if last is not None and value.celsius > last:
            if timer is None:
                timer = ctx.timestamp() + 1_000
                ctx.timer_service().register_event_time_timer(timer)
                self.timer.update(timer)
        elif timer is not None:
            ctx.timer_service().delete_event_time_timer(timer)
            self.timer.clear()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[str]:
        self.timer.clear()
        yield f"ALARM at {timestamp} ms: {ctx.get_current_key()} has become warmer for a second"


def main() -> None:
    parser = argparse.ArgumentParser(description="Averages and alarms of made-up sensors.")
    parser.add_argument("--readings", type=int, default=2_000, help="how many readings")
    parser.add_argument("--parallelism", type=int, help="subtasks of each operator but the source")
    options = parser.parse_args()

    env = StreamExecutionEnvironment.get_execution_environment()
    if options.parallelism is not None:
        env.set_parallelism(options.parallelism)
    keyed = env.add_source(Sensors(options.readings), "sensors").key_by(lambda reading: reading.sensor)

    averages = (
        keyed.window(TumblingEventTimeWindows.of(Time.seconds(1)))
        .side_output_late_data(TOO_LATE)
        .aggregate(Average(), Line(), output_type=Types.STRING())
        .name("averages")
    )
    averages.print()
    averages.get_side_output(TOO_LATE).print("too late")
    keyed.process(RisingForASecond(), Types.STRING()).name("alarms").print()
    env.execute("Sensor readings")


if __name__ == "__main__":
    main()
