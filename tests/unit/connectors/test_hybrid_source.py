"""Sources one after the other."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Duration
from millstream.datastream.connectors import FileSource, NumberSequenceSource, StreamFormat
from millstream.datastream.connectors.hybrid_source import HybridSource
from millstream.datastream.source import Boundedness, InputStatus
from millstream.datastream.split_enumerator import SplitEnumerator, SplitEnumeratorContext
from tests.unit.connectors.readers import context, drain, read, read_all


def hybrid(*lengths: int) -> HybridSource:
    """The numbers 0, 1, 2, ... from sources of these lengths."""
    sources = [NumberSequenceSource(sum(lengths[:i]), sum(lengths[: i + 1]) - 1) for i in range(len(lengths))]
    builder = HybridSource.builder(sources[0])
    for source in sources[1:]:
        builder = builder.add_source(source)
    return builder.build()


lengths = st.lists(st.integers(1, 8), min_size=1, max_size=4)


@given(lengths, st.integers(1, 3), st.integers(1, 4))
def test_everything_is_read_once_and_in_order(parts: list[int], parallelism: int, batch: int) -> None:
    source = hybrid(*parts)
    assert read(source, batch=batch) == list(range(sum(parts)))
    assert sorted(read_all(source, parallelism, batch)) == list(range(sum(parts)))
    for index in range(parallelism):
        assert (found := read(source, index, parallelism, batch)) == sorted(found)


@given(lengths, st.integers(0, 10), st.integers(1, 4))
def test_a_restored_reader_goes_on(parts: list[int], batches: int, batch: int) -> None:
    source = hybrid(*parts)
    first = source.create_reader(context(batch=batch))
    first.start()
    found = drain(first, batches)
    state = pickle.loads(pickle.dumps(first.snapshot_state()))
    first.close()
    second = source.create_reader(context(batch=batch))
    second.restore_state(state)
    second.start()
    assert found + drain(second) == list(range(sum(parts)))
    second.close()


def test_a_source_without_end_comes_last(tmp_path: Path) -> None:
    files = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(tmp_path))
    endless = files.monitor_continuously(Duration.of_millis(1)).build()
    source = HybridSource.builder(NumberSequenceSource(1, 2)).add_source(endless).build()
    assert hybrid(1, 2).boundedness is Boundedness.BOUNDED
    assert source.boundedness is Boundedness.CONTINUOUS_UNBOUNDED
    reader = source.create_reader(context())
    reader.start()
    assert drain(reader, 1) == [1, 2]
    assert reader.poll() is InputStatus.NOTHING_AVAILABLE
    (tmp_path / "a").write_text("x\n")
    asyncio.run(reader.wait_available())
    assert drain(reader, 1) == ["x"]
    reader.close()
    with pytest.raises(ValueError, match="source 1 of a hybrid source never ends"):
        HybridSource.builder(endless).add_source(NumberSequenceSource(1, 2))


def test_what_is_refused() -> None:
    odd: Any = "x"
    with pytest.raises(TypeError, match="made of sources"):
        HybridSource.builder(odd)
    with pytest.raises(TypeError, match="made of sources"):
        HybridSource.builder(NumberSequenceSource(1, 2)).add_source(odd)


class _Enumerated(NumberSequenceSource):
    def create_enumerator(self, context: SplitEnumeratorContext) -> SplitEnumerator:
        raise AssertionError("nobody calls it")


def test_a_source_with_an_enumerator_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot read _Enumerated, which has an enumerator"):
        HybridSource.builder(_Enumerated(1, 2))
