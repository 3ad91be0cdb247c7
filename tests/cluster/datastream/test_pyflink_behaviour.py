"""What programs for PyFlink have come to rely on, beyond what the API's pages promise; tried on PyFlink 2.2."""

from __future__ import annotations

from millstream.datastream import StreamExecutionEnvironment


def test_a_keyed_stream_is_collected_in_the_order_of_its_records(environment: StreamExecutionEnvironment) -> None:
    collected = environment.from_collection(list(range(20))).key_by(lambda v: v % 7).execute_and_collect()
    assert [(row.f0, row.f1) for row in collected] == [(v % 7, v) for v in range(20)]
