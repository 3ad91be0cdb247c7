"""What programs for PyFlink have come to rely on, beyond what the API's pages promise; tried on PyFlink 2.2."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Row
from millstream.common.typeinfo import TypeInformation, Types
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import KeyedProcessFunction, KeySelector, RuntimeContext
from millstream.datastream.state import ValueStateDescriptor


def test_a_keyed_stream_is_collected_in_the_order_of_its_records(environment: StreamExecutionEnvironment) -> None:
    collected = environment.from_collection(list(range(20))).key_by(lambda v: v % 7).execute_and_collect()
    assert [(row.f0, row.f1) for row in collected] == [(v % 7, v) for v in range(20)]


class _Opened(KeySelector):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.divisor = 2

    def get_key(self, value: int) -> list[int]:
        return [value % self.divisor]


@pytest.mark.parametrize(
    ("selector", "key_type", "keys"),
    [
        (lambda v: [v % 2], None, [[1], [0]]),
        (lambda v: {"rest": v % 2}, None, [{"rest": 1}, {"rest": 0}]),
        (lambda v: list(str(v % 2)), Types.LIST(Types.STRING()), [["1"], ["0"]]),
        (lambda v: Row(v % 2), Types.ROW([Types.INT()]), [Row(f0=1), Row(f0=0)]),
        (_Opened(), None, [[1], [0]]),
    ],
)
def test_a_key_may_be_a_list_a_dict_or_a_row(
    environment: StreamExecutionEnvironment, selector: Any, key_type: TypeInformation | None, keys: list[Any]
) -> None:
    class Count(KeyedProcessFunction):
        def open(self, runtime_context: RuntimeContext) -> None:
            self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

        def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Any:
            self.count.update((self.count.value() or 0) + 1)
            yield ctx.get_current_key(), self.count.value()

    stream = environment.from_collection([1, 2, 3, 4]).key_by(selector, key_type)
    counts = list(stream.process(Count()).execute_and_collect())
    odd, even = keys
    assert sorted(counts, key=str) == sorted([(odd, 1), (odd, 2), (even, 1), (even, 2)], key=str)


class _Overdue(KeyedProcessFunction):
    def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Any:
        ctx.timer_service().register_processing_time_timer(1)
        ctx.timer_service().register_processing_time_timer(ctx.timer_service().current_processing_time() + 10**9)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Any:
        yield ctx.get_current_key(), timestamp


def test_a_timer_that_is_due_when_it_is_registered_fires_before_the_end_of_the_input(
    environment: StreamExecutionEnvironment,
) -> None:
    fired = environment.from_collection([1, 2]).key_by(lambda v: v).process(_Overdue()).execute_and_collect()
    assert sorted(fired) == [(1, 1), (2, 1)]
