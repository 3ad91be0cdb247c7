"""The queue of timers against a naive one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.taskmanager.state.timer_queue import TimerQueue


def test_the_first_timer_is_told() -> None:
    queue = TimerQueue()
    assert queue.first() is None
    assert queue.register(5, "a")
    assert not queue.register(5, "b")
    assert not queue.register(7, "a")
    assert queue.register(3, "a")
    assert (queue.first(), len(queue)) == (3, 4)
    queue.delete(3, "a")
    queue.delete(3, "a")
    queue.delete(99, "a")
    assert (queue.first(), len(queue)) == (5, 3)
    assert queue.register(3, "c")
    assert queue.first() == 3
    queue.clear()
    assert (queue.first(), len(queue)) == (None, 0)


def test_deleted_timers_leave_no_buckets_behind() -> None:
    queue = TimerQueue()
    for time in range(1000):
        queue.register(time, "k")
        queue.delete(time - 1, "k")
    assert list(queue.buckets) == [999]
    assert list(queue.pop_due(10_000)) == [(999, "k")]
    assert queue.first() is None


def test_one_that_is_deleted_while_others_of_its_time_fire_does_not() -> None:
    queue = TimerQueue()
    for entry in "abcd":
        queue.register(1, entry)
    fired: list[Any] = []
    for _, each in queue.pop_due(1):
        fired.append(each)
        if each == "b":
            queue.delete(1, "c")
    assert fired == ["a", "b", "d"]
    assert not queue.buckets


def test_what_was_taken_out_can_be_put_back() -> None:
    queue = TimerQueue()
    for entry in "ab":
        queue.register(1, entry)
    taken = queue.pop_bucket(5)
    assert taken is not None
    time, entries = taken
    assert (time, list(entries), queue.first(), queue.pop_bucket(5)) == (1, ["a", "b"], None, None)
    queue.register(1, "c")
    queue.put_back(time, entries)
    assert list(queue.pop_due(1)) == [(1, "a"), (1, "b"), (1, "c")]
    queue.put_back(1, ())
    assert queue.first() is None


_OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "delete", "pop", "pop keys"]), st.integers(0, 9), st.sampled_from("abc")),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(_OPERATIONS, _OPERATIONS)
def test_as_a_naive_queue_has_it(operations: list[Any], while_firing: list[Any]) -> None:
    queue = TimerQueue()
    model: set[tuple[int, str]] = set()
    more = iter(while_firing)

    def change(what: str, time: int, entry: str) -> None:
        if what == "set":
            queue.register(time, entry)
            model.add((time, entry))
        elif what == "delete":
            queue.delete(time, entry)
            model.discard((time, entry))

    for what, time, entry in [*operations, ("pop", 9, "a"), ("pop keys", 9, "a")]:
        change(what, time, entry)
        if not what.startswith("pop"):
            continue
        steps: Any = queue.pop_due(time) if what == "pop" else ((due, key) for due, key, _ in queue.pop_due_keys(time))
        for due, key in steps:
            assert due == min(model)[0] <= time
            model.remove((due, key))
            action = next(more, None)
            if action is not None and (what == "pop" or action[2] == key):
                change(*action)
        assert not [each for each in model if each[0] <= time]
    assert sorted(queue.items()) == sorted(model)
    again = TimerQueue()
    again.restore(queue.items())
    assert list(again.items()) == list(queue.items())
    assert again.first() == (min(model)[0] if model else None)
