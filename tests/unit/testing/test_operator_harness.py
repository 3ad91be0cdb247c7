"""The harness itself, on operators without time: life cycle, inputs, outputs, failures, snapshots."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from millstream.common import Types
from millstream.common.errors import InvalidProgramError
from millstream.datastream import DataStream, RuntimeExecutionMode
from millstream.datastream.functions import MapFunction, RuntimeContext
from millstream.testing import OperatorHarness, StreamRecord


class Recording(MapFunction):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def open(self, runtime_context: RuntimeContext) -> None:
        index = runtime_context.get_index_of_this_subtask()
        self.calls.append(f"open {index + 1}/{runtime_context.get_number_of_parallel_subtasks()}")

    def map(self, value: Any) -> Any:
        self.calls.append(f"map {value}")
        return value * 2

    def close(self) -> None:
        self.calls.append("close")


def running_sum(stream: DataStream) -> DataStream:
    return stream.key_by(lambda v: v[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))


def test_a_function_lives_as_in_a_job() -> None:
    function = Recording()
    with OperatorHarness(lambda s: s.map(function), parallelism=3, subtask_index=1) as harness:
        harness.process_element(1)
        harness.process_batch([2, 3])
        assert harness.get_output() == [2, 4, 6]
    assert function.calls == ["open 2/3", "map 1", "map 2", "map 3", "close"]
    harness.close()
    assert function.calls[-2:] == ["map 3", "close"]


def test_outputs_with_timestamps_and_markers() -> None:
    with OperatorHarness(lambda s: s.flat_map(lambda v: [v, -v])) as harness:
        harness.process_element(1, timestamp=5)
        harness.process_watermark(7)
        harness.process_element(2)
        assert harness.get_output_with_timestamps() == [(1, 5), (-1, 5), (2, None), (-2, None)]
        shown = [getattr(each, "timestamp", None) for each in harness.get_output_with_markers()]
        assert shown == [5, 5, 7, None, None]
        assert harness.get_output_with_markers()[0] == StreamRecord(1, 5)
        assert harness.get_output_watermark() == 7
        assert harness.take_output() == [1, -1, 2, -2]
        assert harness.get_output_with_markers() == []
        harness.process_watermark(6)
        assert harness.get_output_watermark() == 7


def test_several_operators_run_one_after_the_other() -> None:
    def fragment(stream: DataStream) -> DataStream:
        evens = stream.filter(lambda v: v % 2 == 0).map(lambda v: ("even", v))
        odds = stream.filter(lambda v: v % 2 == 1).map(lambda v: ("odd", v))
        return running_sum(evens.union(odds)).map(lambda v: f"{v[0]} {v[1]}")

    with OperatorHarness(fragment) as harness:
        harness.process_batch([1, 2, 3, 4])
        assert sorted(harness.get_output()) == ["even 2", "even 6", "odd 1", "odd 4"]
        harness.process_watermark(10)
        assert harness.get_output_watermark() == 10, "it came through both branches of the union"
        harness.set_idle()
        assert len([e for e in harness.get_output_with_markers() if hasattr(e, "idle")]) == 1


def test_two_inputs() -> None:
    with OperatorHarness(lambda left, right: left.map(lambda v: v + 1).union(right)) as harness:
        harness.process_element1(1)
        harness.process_element2(1)
        assert harness.get_output() == [2, 1]
        harness.process_watermark1(5)
        assert harness.get_output_watermark() is None
        harness.process_watermark2(3)
        assert harness.get_output_watermark() == 3
        harness.set_idle(input_number=2)
        assert harness.get_output_watermark() == 5
        with pytest.raises(TypeError, match="two: say which one"):
            harness.process_element(1)
        with pytest.raises(ValueError, match="no input 3 of 2"):
            harness.set_idle(input_number=3)
    with OperatorHarness(running_sum) as harness, pytest.raises(TypeError, match="this one has one"):
        harness.process_element2(1)


def test_results_are_what_the_program_says() -> None:
    with OperatorHarness(lambda s: s.map(lambda v: (v,), Types.ROW([Types.FLOAT()]))) as harness:
        harness.process_element(0.1)
        assert harness.get_output()[0][0] == 0.10000000149011612


def test_batch_mode_gives_results_at_the_end() -> None:
    with OperatorHarness(running_sum, runtime_mode=RuntimeExecutionMode.BATCH) as harness:
        harness.process_batch([("a", 1), ("b", 1), ("a", 2)])
        assert harness.get_output() == []
        harness.end_input()
        assert sorted(harness.get_output()) == [("a", 3), ("b", 1)]


def test_a_fragment_may_end_in_a_sink() -> None:
    seen: list[int] = []
    with OperatorHarness(lambda s: s.map(lambda v: v + 1).add_sink(seen.append)) as harness:
        harness.process_batch([1, 2])
        assert harness.get_output() == []
    assert seen == [2, 3]


def fails(value: Any) -> Any:
    if value == ("bad", 2):
        raise KeyError("no such price")
    return value


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


def test_a_functions_own_exception_comes_out_with_a_note() -> None:
    with OperatorHarness(lambda s: s.map(fails).name("prices")) as harness:
        harness.process_element(("good", 1))
        with pytest.raises(KeyError, match="no such price") as caught:
            harness.process_element(("bad", 2))
    note = notes(caught.value)
    assert "KeyError: 'no such price' | operator 'prices' (map), subtask 1/1 | record ('bad', 2) | " in note
    assert f"{__file__}:" in note
    assert any(frame.name == "fails" for frame in traceback.extract_tb(caught.value.__traceback__))


@pytest.mark.parametrize("where", ["open", "close"])
def test_failures_in_open_and_close(where: str) -> None:
    class Fails(Recording):
        pass

    def fail(*_: Any) -> None:
        raise ValueError(where)

    function = Fails()
    setattr(function, where, fail)
    with pytest.raises(ValueError, match=where) as caught, OperatorHarness(lambda s: s.map(function)):
        pass
    assert f"operator 'Map' ({where})" in notes(caught.value)
    assert "close" in function.calls or where == "close"


def test_stop_iteration_comes_out_as_it_is() -> None:
    def ends(value: Any) -> Any:
        raise StopIteration(value)

    with OperatorHarness(lambda s: s.map(ends)) as harness, pytest.raises(StopIteration):
        harness.process_element(1)


def test_snapshot_and_restore() -> None:
    with OperatorHarness(running_sum) as harness:
        harness.process_batch([("a", 1), ("b", 5)])
        harness.set_processing_time(70)
        snapshot = harness.snapshot()
        harness.process_element(("a", 1))
        with harness.restore(snapshot) as again:
            assert again.get_processing_time() == 70
            again.process_element(("a", 10))
            assert again.get_output() == [("a", 11)]
    with OperatorHarness(running_sum, snapshot=snapshot) as third:
        third.process_element(("b", 1))
        assert third.get_output() == [("b", 6)]
    with pytest.raises(ValueError, match=r"of the operators \['Reduce'\], and these are \['Map'\]"):
        OperatorHarness(lambda s: s.map(fails), snapshot=snapshot)


def test_functions_through_the_pickler() -> None:
    function = Recording()
    with OperatorHarness(lambda s: s.map(function), pickled=True) as harness:
        harness.process_element(1)
        assert harness.get_output() == [2]
    assert function.calls == []


def test_misuse() -> None:
    harness = OperatorHarness(running_sum)
    with pytest.raises(RuntimeError, match="not open"):
        harness.process_element(1)
    with harness:
        with pytest.raises(RuntimeError, match="open already"):
            harness.open()
        with pytest.raises(ValueError, match="2 values have 1 timestamps"):
            harness.process_batch([1, 2], [3])
        with pytest.raises(TypeError, match=r"int \(ms\)"):
            harness.process_element(1, timestamp=1.5)  # type: ignore[arg-type]
        harness.advance_processing_time(5)
        with pytest.raises(ValueError, match="backward: from 5 to 4"):
            harness.set_processing_time(4)
    with pytest.raises(RuntimeError, match="not open"):
        harness.end_input()
    with pytest.raises(TypeError, match="has 3 parameters"):
        OperatorHarness(lambda a, b, c: a)
    with pytest.raises(TypeError, match="returns the stream"):
        OperatorHarness(lambda s: 3)
    with pytest.raises(InvalidProgramError, match="Cannot override partitioning"):
        OperatorHarness(lambda s: s.key_by(lambda v: v).rebalance())
