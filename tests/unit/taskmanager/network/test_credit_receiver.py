"""The receiving side of a gate: credits are conserved, and floating buffers go where the backlog is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.network.credit_receiver import CreditReceiver, CreditViolationError, Grant
from millstream.taskmanager.network.credit_sender import CreditSender


def _total(receiver: CreditReceiver, channels: range) -> int:
    return receiver.free_floating + sum(sum(receiver.buffers_of(channel)) for channel in channels)


@given(st.integers(1, 3), st.integers(0, 5), st.integers(1, 4), st.data())
def test_any_sequence_of_grants_sends_and_losses_conserves_credits(
    exclusive: int, floating: int, count: int, data: st.DataObject
) -> None:
    """Both sides with messages on their way in between, in any interleaving, with channels that are lost."""
    receiver = CreditReceiver(exclusive, floating)
    channels = range(count)
    senders = {channel: CreditSender(1) for channel in channels}
    credit_under_way: dict[int, list[int]] = {channel: [receiver.open_channel(channel)] for channel in channels}
    data_under_way: dict[int, list[int]] = {channel: [] for channel in channels}
    received = dict.fromkeys(channels, 0)
    open_channels = set(channels)

    def grant(grants: list[Grant]) -> None:
        for one in grants:
            assert one.credit > 0
            assert one.channel in open_channels
            credit_under_way[one.channel].append(one.credit)

    def possible() -> list[tuple[str, int]]:
        """What can happen now: drawn from anything, most steps would do nothing and credits hardly ever return."""
        steps = [("produce", channel) for channel in channels]
        for channel in channels:
            steps += [("credit arrives", channel)] * bool(credit_under_way[channel])
            steps += [("send", channel)] * senders[channel].sendable
            steps += [("data arrives", channel)] * bool(data_under_way[channel])
            if channel in open_channels:
                steps += [("consume", channel)] * bool(received[channel])
                steps.append(("lose", channel))
        return steps

    for _ in range(data.draw(st.integers(0, 60))):
        action, channel = data.draw(st.sampled_from(possible()))
        if action == "produce":
            senders[channel].add(b"x" * data.draw(st.integers(1, 6)))
        elif action == "credit arrives":
            senders[channel].add_credit(credit_under_way[channel].pop(0))
        elif action == "send":
            data_under_way[channel].append(senders[channel].next_buffer().backlog)
        elif action == "data arrives":
            grant(receiver.on_buffer(channel, data_under_way[channel].pop(0)))
            received[channel] += channel in open_channels
        elif action == "consume":
            received[channel] -= 1
            grant(receiver.on_consumed(channel))
        else:
            open_channels.discard(channel)
            grant(receiver.close_channel(channel))

        assert _total(receiver, channels) == exclusive * len(open_channels) + floating
        assert receiver.audit() == []
        for each in open_channels:
            credit, held = receiver.buffers_of(each)
            on_its_way = sum(credit_under_way[each]) + len(data_under_way[each])
            assert credit == senders[each].credit + on_its_way
            assert held == received[each]


def test_floating_buffers_go_in_turn_to_those_with_backlog() -> None:
    receiver = CreditReceiver(exclusive=2, floating=5)
    for channel in range(3):
        assert receiver.open_channel(channel) == 2
    assert receiver.on_buffer(0, backlog=0) == []
    assert receiver.on_buffer(1, backlog=3) == [Grant(1, 2)]
    grants = receiver.on_buffer(2, backlog=100)
    assert grants == [Grant(2, 3)]
    assert receiver.free_floating == 0


def test_a_consumed_floating_buffer_goes_to_the_next_in_turn() -> None:
    receiver = CreditReceiver(exclusive=1, floating=2)
    receiver.open_channel(0)
    receiver.open_channel(1)
    assert receiver.on_buffer(0, backlog=10) == [Grant(0, 2)]
    assert receiver.on_buffer(1, backlog=10) == []
    assert receiver.on_consumed(0) == [Grant(0, 1)]
    assert receiver.on_buffer(0, backlog=10) == []
    assert receiver.on_consumed(0) == [Grant(1, 1)]
    assert receiver.buffers_of(1) == (1, 1)


def test_a_consumed_buffer_of_its_own_goes_back_to_its_sender() -> None:
    receiver = CreditReceiver(1, 0)
    assert receiver.open_channel(0) == 1
    assert receiver.on_buffer(0, 0) == []
    assert receiver.on_consumed(0) == [Grant(0, 1)]


def test_a_channel_that_nobody_reads_does_not_starve_the_others() -> None:
    receiver = CreditReceiver(exclusive=1, floating=3)
    receiver.open_channel(0)
    receiver.open_channel(1)
    while receiver.buffers_of(0)[0]:
        receiver.on_buffer(0, backlog=9)  # blocked: nothing of it is ever consumed
    for _ in range(20):
        assert receiver.buffers_of(1)[0] >= 1
        receiver.on_buffer(1, backlog=9)
        receiver.on_consumed(1)


def test_a_lost_channel_gives_its_floating_buffers_to_the_others() -> None:
    receiver = CreditReceiver(exclusive=1, floating=4)
    receiver.open_channel(0)
    receiver.open_channel(1)
    receiver.on_buffer(0, backlog=50)
    receiver.on_buffer(1, backlog=50)
    assert receiver.close_channel(0) == [Grant(1, 4)]
    assert receiver.close_channel(0) == []
    assert receiver.open_channels == 1


def test_more_than_the_credit_is_a_violation() -> None:
    receiver = CreditReceiver(exclusive=1, floating=0)
    receiver.open_channel(7)
    receiver.on_buffer(7, backlog=0)
    with pytest.raises(CreditViolationError, match="channel 7"):
        receiver.on_buffer(7, backlog=0)


def test_messages_for_a_closed_channel_mean_nothing() -> None:
    receiver = CreditReceiver(exclusive=1, floating=1)
    receiver.open_channel(0)
    receiver.close_channel(0)
    assert receiver.on_buffer(0, 5) == []
    assert receiver.on_consumed(0) == []


def test_an_account_from_which_a_buffer_has_vanished() -> None:
    receiver = CreditReceiver(2, 3)
    receiver.open_channel(7)
    receiver._free -= 1  # what no caller can do
    assert receiver.audit() == ["2 buffers are free and 2 in use, of 2 + 3"]


def test_a_channel_needs_a_buffer_of_its_own() -> None:
    with pytest.raises(ValueError, match="at least one buffer"):
        CreditReceiver(exclusive=0, floating=8)
