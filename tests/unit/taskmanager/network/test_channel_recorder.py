"""Recordings end where the barrier begins, however the stream is cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import CheckpointBarrier, Element, EndOfPartition, RecordBatch, Watermark
from millstream.taskmanager.network.channel_recorder import ChannelRecorder
from millstream.taskmanager.network.element_codec import encode_elements

_ELEMENTS = st.lists(
    st.one_of(
        st.lists(st.text(max_size=20), min_size=1, max_size=3).map(lambda values: RecordBatch(list(values))),
        st.integers(0, 9).map(Watermark),
        st.integers(1, 6).map(lambda number: CheckpointBarrier(number, 0, b"options")),
    ),
    max_size=8,
)


def _bytes(elements: list[Any]) -> bytes:
    return b"".join(encode_elements(elements))


@given(_ELEMENTS, _ELEMENTS, st.booleans(), st.data())
def test_what_is_kept_is_what_came_before_the_barrier_or_the_end(
    before: list[Element], after: list[Element], ends: bool, data: st.DataObject
) -> None:
    last: Element = EndOfPartition() if ends else CheckpointBarrier(7, 0, b"more options")
    stream = _bytes([*before, last, *after])
    recorder = ChannelRecorder(7)
    complete = False
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        complete = recorder.feed((stream[:size],))
        stream = stream[size:]
    assert complete
    assert b"".join(recorder.chunks) == _bytes(before)


@given(_ELEMENTS, st.data())
def test_a_recording_that_is_overtaken_keeps_all_bytes_also_of_a_torn_record(
    elements: list[Element], data: st.DataObject
) -> None:
    stream = _bytes(elements)
    size = data.draw(st.integers(0, len(stream)))
    recorder = ChannelRecorder(7)
    assert not recorder.feed((stream[:size],))
    recorder.end()
    assert recorder.feed((stream[size:],))
    assert b"".join(recorder.chunks) == stream[:size]
