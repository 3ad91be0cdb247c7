"""The sending side of a channel: nothing lost, nothing reordered, never more than the credit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.network.credit_sender import CreditSender

_ACTIONS = st.lists(
    st.tuples(st.just("add"), st.binary(max_size=25))
    | st.tuples(st.just("flush"), st.none())
    | st.tuples(st.just("credit"), st.integers(0, 4))
    | st.tuples(st.just("send"), st.integers(1, 4)),
    max_size=60,
)


@given(st.integers(1, 12), _ACTIONS)
def test_bytes_leave_whole_in_order_and_within_credit(buffer_size: int, actions: list[tuple[str, object]]) -> None:
    sender = CreditSender(buffer_size)
    added, sent, granted, buffers = b"", b"", 0, 0
    for action, argument in actions:
        if action == "add":
            assert isinstance(argument, bytes)
            sender.add(argument)
            added += argument
        elif action == "flush":
            sender.flush()
        elif action == "credit":
            assert isinstance(argument, int)
            sender.add_credit(argument)
            granted += argument
        elif sender.sendable:
            buffer = sender.next_buffer()
            payload = b"".join(buffer.chunks)
            assert 0 < buffer.size == len(payload) <= buffer_size
            assert buffer.backlog == sender.backlog
            sent += payload
            buffers += 1
        assert sender.credit == granted - buffers >= 0
        assert sender.pending_bytes == len(added) - len(sent)
    sender.flush()
    sender.add_credit(len(added))
    while sender.sendable:
        sent += b"".join(sender.next_buffer().chunks)
    assert sent == added


def test_part_of_a_buffer_waits_for_flush() -> None:
    sender = CreditSender(10)
    sender.add_credit(5)
    sender.add(b"x" * 14)
    assert sender.sendable
    assert sender.next_buffer().size == 10
    assert not sender.sendable
    sender.flush()
    assert sender.next_buffer().size == 4
    assert not sender.sendable


def test_without_credit_small_pieces_gather_to_full_buffers() -> None:
    sender = CreditSender(10)
    for _ in range(10):
        sender.add(b"ab")
        sender.flush()
    assert not sender.sendable
    assert sender.backlog == 2
    sender.add_credit(2)
    assert [sender.next_buffer().size for _ in range(2)] == [10, 10]


def test_nothing_is_sent_without_credit() -> None:
    sender = CreditSender(10)
    sender.add(b"x" * 20)
    with pytest.raises(RuntimeError, match="no credit"):
        sender.next_buffer()


def test_the_receiver_may_take_only_smaller_buffers() -> None:
    sender = CreditSender(10)
    sender.limit_buffer_size(4)
    sender.limit_buffer_size(100)
    sender.add(b"x" * 9)
    sender.add_credit(9)
    assert [sender.next_buffer().size, sender.next_buffer().size] == [4, 4]
    assert not sender.sendable


def test_clear_drops_everything() -> None:
    sender = CreditSender(10)
    sender.add(b"x" * 25)
    sender.flush()
    sender.add_credit(3)
    sender.clear()
    assert (sender.pending_bytes, sender.backlog, sender.credit, sender.sendable) == (0, 0, 0, False)
