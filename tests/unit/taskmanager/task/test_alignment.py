"""When checkpoints are taken, as a pure state machine."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.records import CheckpointBarrier
from millstream.taskmanager.task.alignment import (
    Action,
    Alignment,
    AllKnown,
    Block,
    Lost,
    TakeSnapshot,
    UnblockAll,
)


def _barrier(number: int) -> CheckpointBarrier:
    return CheckpointBarrier(number, 0)


def _taken(actions: list[Action]) -> list[int]:
    return [action.barrier.checkpoint_id for action in actions if isinstance(action, TakeSnapshot)]


def test_a_source_takes_what_is_triggered_at_once() -> None:
    alignment = Alignment(0)
    assert alignment.on_trigger(_barrier(1), aligned=True) == [TakeSnapshot(_barrier(1))]
    assert alignment.on_trigger(_barrier(1), aligned=True) == []
    assert alignment.pending == []


def test_channels_that_have_brought_the_barrier_wait_for_the_others() -> None:
    alignment = Alignment(3)
    assert alignment.on_barrier(0, _barrier(1), aligned=True) == [Block(0)]
    assert alignment.on_barrier(2, _barrier(1), aligned=True) == [Block(2)]
    assert alignment.on_barrier(1, _barrier(1), aligned=True) == [TakeSnapshot(_barrier(1)), UnblockAll()]


def test_one_channel_never_waits() -> None:
    assert Alignment(1).on_barrier(0, _barrier(1), aligned=True) == [TakeSnapshot(_barrier(1))]


def test_at_least_once_counts_without_holding_anybody_and_keeps_several() -> None:
    alignment = Alignment(2)
    assert alignment.on_barrier(0, _barrier(1), aligned=False) == []
    assert alignment.on_barrier(0, _barrier(2), aligned=False) == []
    assert alignment.on_barrier(1, _barrier(1), aligned=False) == [TakeSnapshot(_barrier(1))]
    assert alignment.on_barrier(1, _barrier(2), aligned=False) == [TakeSnapshot(_barrier(2))]


def test_a_newer_barrier_ends_an_older_alignment() -> None:
    alignment = Alignment(2)
    alignment.on_barrier(0, _barrier(1), aligned=True)
    unblocked, lost, blocked = alignment.on_barrier(1, _barrier(2), aligned=True)
    assert unblocked == UnblockAll()
    assert isinstance(lost, Lost)
    assert lost.checkpoint_id == 1
    assert blocked == Block(1)
    assert alignment.on_barrier(0, _barrier(2), aligned=True) == [TakeSnapshot(_barrier(2)), UnblockAll()]
    assert alignment.on_barrier(1, _barrier(1), aligned=True) == []


def test_a_channel_that_ends_owes_no_barrier() -> None:
    alignment = Alignment(3)
    assert alignment.on_end(2) == []
    alignment.on_barrier(0, _barrier(1), aligned=True)
    assert alignment.on_end(1) == [TakeSnapshot(_barrier(1)), UnblockAll()]
    assert alignment.on_barrier(0, _barrier(2), aligned=True) == [TakeSnapshot(_barrier(2))]


def test_a_trigger_counts_when_all_channels_have_ended() -> None:
    alignment = Alignment(2)
    alignment.on_end(0)
    assert alignment.on_trigger(_barrier(1), aligned=True) == []
    assert alignment.on_end(1) == [TakeSnapshot(_barrier(1))]
    assert alignment.on_trigger(_barrier(2), aligned=True) == [TakeSnapshot(_barrier(2))]


def test_an_aborted_checkpoint_lets_all_channels_go_and_its_barriers_mean_nothing() -> None:
    alignment = Alignment(2)
    alignment.on_barrier(0, _barrier(1), aligned=True)
    assert alignment.on_aborted(1) == [UnblockAll()]
    assert alignment.on_barrier(1, _barrier(1), aligned=True) == []
    assert alignment.on_aborted(5) == []
    assert alignment.on_barrier(0, _barrier(5), aligned=True) == []
    assert alignment.on_barrier(0, _barrier(6), aligned=True) == [Block(0)]
    assert _taken(alignment.on_barrier(1, _barrier(6), aligned=True)) == [6]
    assert alignment.on_aborted(6) == []


@st.composite
def _streams(draw: st.DrawFn) -> tuple[int, bool, list[int]]:
    channels = draw(st.integers(1, 4))
    return channels, draw(st.booleans()), draw(st.lists(st.integers(0, channels - 1), max_size=60))


@settings(max_examples=300)
@given(_streams(), st.data())
def test_every_checkpoint_is_taken_once_and_blocked_channels_are_let_go(
    streams: tuple[int, bool, list[int]], data: st.DataObject
) -> None:
    """Each channel brings barriers 1, 2, 3 ... (some are lost) in any interleaving, and may end."""
    channels, aligned, order = streams
    alignment = Alignment(channels)
    following = [1] * channels
    brought: list[set[int]] = [set() for _ in range(channels)]
    ended: set[int] = set()
    blocked: set[int] = set()
    taken: list[int] = []
    lost: set[int] = set()
    for channel in order:
        if channel in blocked or channel in ended:
            continue
        kind = data.draw(st.sampled_from(["barrier"] * 6 + ["skip", "end"]))
        if kind == "skip":
            following[channel] += 1
            continue
        if kind == "end":
            ended.add(channel)
            actions = alignment.on_end(channel)
        else:
            number = following[channel]
            following[channel] += 1
            brought[channel].add(number)
            actions = alignment.on_barrier(channel, _barrier(number), aligned=aligned)
        for action in actions:
            if isinstance(action, Block):
                assert aligned
                blocked.add(action.channel)
            elif isinstance(action, UnblockAll):
                blocked.clear()
            elif isinstance(action, Lost):
                lost.add(action.checkpoint_id)
            elif isinstance(action, TakeSnapshot):
                number = action.barrier.checkpoint_id
                assert all(each in ended or number in brought[each] for each in range(channels))
                taken.append(number)
    assert taken == sorted(set(taken))
    assert not lost & set(taken)
    assert not (blocked and not alignment.pending)
    assert len(blocked) < channels or not blocked
    if len(ended) == channels:
        assert alignment.pending == []


# ------------------------------------------------------------------ unaligned


def test_an_unaligned_checkpoint_is_taken_at_its_first_barrier_and_known_with_the_last() -> None:
    alignment = Alignment(3)
    taken = alignment.on_barrier(1, _barrier(1), aligned=True, unaligned=True)
    assert taken == [TakeSnapshot(_barrier(1), unaligned=True, missing=(0, 2))]
    assert alignment.is_taken(1)
    assert alignment.on_barrier(0, _barrier(1), aligned=True, unaligned=True) == []
    assert alignment.on_end(2) == [AllKnown(1)]
    assert alignment.pending == []


def test_a_barrier_that_is_in_sight_need_not_be_processed() -> None:
    alignment = Alignment(2)
    alignment.on_barrier(0, _barrier(1), aligned=True, unaligned=True)
    assert alignment.on_seen(1, 1) == [AllKnown(1)]
    assert alignment.on_barrier(1, _barrier(1), aligned=True, unaligned=True) == []


def test_channels_whose_barriers_stay_in_line_are_waited_for() -> None:
    alignment = Alignment(3, in_line=[2])
    assert alignment.on_barrier(0, _barrier(1), aligned=True, unaligned=True) == [Block(0)]
    taken = alignment.on_barrier(2, _barrier(1), aligned=True, unaligned=True)
    assert taken == [TakeSnapshot(_barrier(1), unaligned=True, missing=(1,)), UnblockAll()]
    assert alignment.on_barrier(1, _barrier(1), aligned=True, unaligned=True) == [AllKnown(1)]


def test_an_aligned_checkpoint_becomes_unaligned_in_time_or_by_a_barrier_that_overtakes() -> None:
    alignment = Alignment(3)
    alignment.on_barrier(0, _barrier(1), aligned=True)
    taken = [TakeSnapshot(_barrier(1), unaligned=True, missing=(1, 2)), UnblockAll()]
    assert alignment.on_timeout(_barrier(1)) == taken
    assert alignment.on_timeout(_barrier(1)) == []
    other = Alignment(3)
    other.on_barrier(0, _barrier(1), aligned=True)
    taken = [TakeSnapshot(_barrier(1), unaligned=True, missing=(2,)), UnblockAll()]
    assert other.on_barrier(1, _barrier(1), aligned=True, unaligned=True) == taken


def test_a_timeout_after_all_barriers_or_an_abort_changes_nothing() -> None:
    alignment = Alignment(2)
    for channel in range(2):
        alignment.on_barrier(channel, _barrier(1), aligned=True)
    assert alignment.on_timeout(_barrier(1)) == []
    alignment.on_barrier(0, _barrier(2), aligned=True)
    assert alignment.on_aborted(2) == [UnblockAll()]
    assert alignment.on_timeout(_barrier(2)) == []


def test_what_is_kept_is_dropped_by_an_abort_and_by_a_newer_checkpoint() -> None:
    alignment = Alignment(2)
    alignment.on_barrier(0, _barrier(1), aligned=True, unaligned=True)
    assert alignment.on_aborted(1) == []
    assert alignment.on_barrier(1, _barrier(1), aligned=True, unaligned=True) == []
    alignment.on_barrier(0, _barrier(2), aligned=True, unaligned=True)
    lost, taken = alignment.on_barrier(0, _barrier(3), aligned=True, unaligned=True)
    assert isinstance(lost, Lost)
    assert lost.checkpoint_id == 2
    assert taken == TakeSnapshot(_barrier(3), unaligned=True, missing=(1,))


def test_a_task_whose_producers_have_finished_keeps_what_they_left() -> None:
    alignment = Alignment(2)
    alignment.on_end(0)
    taken = alignment.on_trigger(_barrier(1), aligned=True, unaligned=True)
    assert taken == [TakeSnapshot(_barrier(1), unaligned=True, missing=(1,))]
    assert alignment.on_seen(1, 1) == [AllKnown(1)]
