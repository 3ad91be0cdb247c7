"""map_with_state, flat_map_with_state and filter_with_state, run without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.datastream import DataStream
from millstream.testing import OperatorHarness

RECORDS = [("a", 1), ("b", 10), ("a", 2), ("a", 3), ("b", 20)]


def _run(fragment: Any, records: list[Any]) -> list[Any]:
    with OperatorHarness(fragment) as harness:
        for record in records:
            harness.process_element(record)
        return list(harness.get_output())


def _keyed(stream: DataStream) -> Any:
    return stream.key_by(lambda value: value[0])


def test_map_with_state() -> None:
    def step(value: Any, state: Any) -> Any:
        total = (state or 0) + value[1]
        return (value[0], total), None if total >= 3 else total

    expected = [("a", 1), ("b", 10), ("a", 3), ("a", 3), ("b", 20)]
    assert _run(lambda stream: _keyed(stream).map_with_state(step), RECORDS) == expected


def test_flat_map_with_state() -> None:
    def step(value: Any, state: Any) -> Any:
        return ([f"{value[0]}{state}-{value[1]}"] if state else None), value[1]

    expected = ["a1-2", "a2-3", "b10-20"]
    assert _run(lambda stream: _keyed(stream).flat_map_with_state(step), RECORDS) == expected


def test_filter_with_state() -> None:
    def step(value: Any, state: Any) -> Any:
        return state is None, value[1]

    assert _run(lambda stream: _keyed(stream).filter_with_state(step), RECORDS) == [("a", 1), ("b", 10)]


def test_the_state_is_in_snapshots() -> None:
    def step(value: Any, state: Any) -> Any:
        return state, value

    with OperatorHarness(lambda stream: _keyed(stream).map_with_state(step)) as harness:
        harness.process_element(("a", 1))
        with harness.restore(harness.snapshot()) as again:
            again.process_element(("a", 2))
            assert again.get_output() == [("a", 1)]


@pytest.mark.parametrize("method", ["map_with_state", "flat_map_with_state", "filter_with_state"])
@pytest.mark.parametrize("wrong", [None, 5, (1, 2, 3), "ab"])
def test_what_is_not_a_pair_is_refused(method: str, wrong: Any) -> None:
    def step(value: Any, state: Any) -> Any:
        return wrong

    with pytest.raises(
        TypeError, match=r"step\(value, state\) in .*functions.py:\d+ has to return \(.*new state\), but returned"
    ):
        _run(lambda stream: getattr(_keyed(stream), method)(step), RECORDS)


def test_a_failure_of_the_function_names_the_users_line() -> None:
    def step(value: Any, state: Any) -> Any:
        raise KeyError("mine")  # the line that is named

    with pytest.raises(KeyError) as caught:
        _run(lambda stream: _keyed(stream).map_with_state(step), RECORDS)
    notes = " ".join(getattr(caught.value, "__notes__", ["test_stateful_functions.py ('a', 1)"]))
    assert "test_stateful_functions.py" in notes
    assert "('a', 1)" in notes
