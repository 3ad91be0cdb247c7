"""How many records fit a quantum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.operators.batch_sizer import (
    MAX_BATCH_RECORDS,
    MAX_PRODUCED_RECORDS,
    QUANTUM_NS,
    BatchSizer,
)


@given(
    st.lists(st.tuples(st.integers(1, MAX_BATCH_RECORDS), st.integers(0, 10**11), st.integers(0, 10**6)), max_size=50)
)
def test_the_limit_stays_within_its_bounds(steps: list[tuple[int, int, int]]) -> None:
    sizer = BatchSizer()
    assert sizer.limit == 1
    for records, elapsed, produced in steps:
        sizer.update(min(records, sizer.limit), elapsed, produced)
        assert 1 <= sizer.limit <= MAX_BATCH_RECORDS


@given(st.integers(1, 10**9), st.integers(0, 100))
def test_it_settles_where_a_batch_takes_a_quantum_or_is_full(ns_per_record: int, fan_out: int) -> None:
    sizer = BatchSizer()
    for _ in range(20):
        sizer.update(sizer.limit, sizer.limit * ns_per_record, sizer.limit * fan_out)
    assert sizer.limit == 1 or sizer.limit * ns_per_record <= QUANTUM_NS
    most = MAX_BATCH_RECORDS if fan_out <= 1 else MAX_PRODUCED_RECORDS
    assert sizer.limit == 1 or sizer.limit * fan_out <= most
    ideal = min(MAX_BATCH_RECORDS, QUANTUM_NS // ns_per_record, most // max(fan_out, 1))
    assert sizer.limit >= max(1, ideal // 2)


def test_it_recovers_from_a_hiccup() -> None:
    sizer = BatchSizer()
    for _ in range(10):
        sizer.update(sizer.limit, sizer.limit * 100)
    assert sizer.limit == MAX_BATCH_RECORDS
    sizer.update(MAX_BATCH_RECORDS, 100 * QUANTUM_NS)
    assert sizer.limit < 20
    for _ in range(10):
        sizer.update(sizer.limit, sizer.limit * 100)
    assert sizer.limit == MAX_BATCH_RECORDS
