"""Elements come back whole however buffers cut them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.network.block_assembler import BlockAssembler, element_header
from millstream.taskmanager.network.frames import ProtocolError

_ELEMENTS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=12)


@given(_ELEMENTS, st.integers(1, 30))
def test_elements_split_over_buffers_come_back_whole(elements: list[tuple[int, bytes]], buffer_size: int) -> None:
    stream = b"".join(element_header(kind, len(body)) + body for kind, body in elements)
    assembler = BlockAssembler()
    found: list[tuple[int, bytes]] = []
    for start in range(0, len(stream), buffer_size):
        assembler.feed(stream[start : start + buffer_size])
        while assembler.has_element():
            kind, body = assembler.next_element()
            found.append((kind, bytes(body)))
    assert found == elements
    assembler.end()


def test_an_end_inside_an_element_is_an_error() -> None:
    assembler = BlockAssembler()
    assembler.feed(element_header(0, 10) + b"abc")
    assert not assembler.has_element()
    with pytest.raises(ProtocolError, match="7 bytes are missing"):
        assembler.end()


def test_an_element_of_more_than_4_gb_is_refused() -> None:
    with pytest.raises(OverflowError, match="4294967296 bytes are too many"):
        element_header(0, 2**32)
