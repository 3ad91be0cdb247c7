"""Number sequences."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.source import Boundedness
from tests.unit.connectors.readers import context, drain, read


@given(st.integers(-100, 100), st.integers(0, 200), st.integers(1, 20), st.integers(1, 50))
def test_the_parts_are_contiguous_even_and_complete(start: int, more: int, parallelism: int, batch: int) -> None:
    source = NumberSequenceSource(start, start + more)
    parts = [read(source, index, parallelism, batch) for index in range(parallelism)]
    assert [value for part in parts for value in part] == list(range(start, start + more + 1))
    lengths = [len(part) for part in parts]
    assert max(lengths) - min(lengths) <= 1


@given(st.integers(0, 50), st.integers(0, 20), st.integers(1, 7))
def test_a_restored_reader_goes_on_where_the_other_stopped(end: int, batches: int, batch: int) -> None:
    source = NumberSequenceSource(0, end)
    reader = source.create_reader(context(batch=batch))
    before = drain(reader, batches)
    state = pickle.loads(pickle.dumps(reader.snapshot_state()))
    after = source.create_reader(context(batch=3))
    after.restore_state(state)
    after.start()
    assert before + drain(after) == list(range(end + 1))


def test_a_batch_is_not_longer_than_asked() -> None:
    assert len(drain(NumberSequenceSource(1, 10).create_reader(context(batch=4)), 1)) == 4


def test_bad_bounds() -> None:
    with pytest.raises(ValueError, match="'start' must be <= 'end', but 2 > 1"):
        NumberSequenceSource(2, 1)
    with pytest.raises(TypeError):
        NumberSequenceSource(1.5, 2)  # type: ignore[arg-type]
    assert NumberSequenceSource(1, 1).boundedness is Boundedness.BOUNDED


@given(st.integers(0, 5000), st.integers(0, 20), st.integers(1, 7), st.integers(1, 9))
def test_what_is_left_is_shared_by_more_readers(end: int, batches: int, batch: int, parallelism: int) -> None:
    source = NumberSequenceSource(0, end)
    reader = source.create_reader(context(batch=batch))
    before = drain(reader, batches)
    splits = reader.snapshot_state()
    assert len(splits) <= 33
    parts = []
    for index in range(parallelism):
        after = source.create_reader(context(index, parallelism, batch))
        after.restore_state(splits[index::parallelism])
        parts.append(drain(after))
        assert parts[-1] == sorted(parts[-1])
    assert sorted(before + [value for part in parts for value in part]) == list(range(end + 1))
    if len(before) + 64 * batch < end:
        assert all(parts)
