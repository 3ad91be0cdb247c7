"""split and select: which records a selection has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from millstream.common import Types
from millstream.datastream import DataStream, OutputSelector, RuntimeContext, SplitStream, StreamExecutionEnvironment
from millstream.testing import OperatorHarness


class ByParity(OutputSelector):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.opened = True

    def select(self, value: int) -> Iterable[str]:
        assert self.opened
        return ["even" if value % 2 == 0 else "odd", "number"]


def selected(selector: Any, *names: str, values: Iterable[Any] = range(6)) -> list[Any]:
    with OperatorHarness(lambda stream: stream.split(selector).select(*names).map(lambda v: v)) as h:
        for value in values:
            h.process_element(value, 100)
        assert all(timestamp == 100 for _, timestamp in h.get_output_with_timestamps())
        return h.get_output()


@pytest.mark.parametrize("selector", [ByParity(), lambda value: ["odd"] if value % 2 else ("even", "number")])
def test_a_selection_has_the_records_with_its_name(selector: Any) -> None:
    assert selected(selector, "even") == [0, 2, 4]
    assert selected(selector, "odd") == [1, 3, 5]
    assert selected(selector, "nothing") == []


def test_a_record_with_several_of_the_names_comes_once() -> None:
    assert selected(ByParity(), "number", "even", "even") == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("given", [None, [], (), ["other"]])
def test_a_record_without_a_name_that_anybody_asked_for_goes_nowhere(given: Any) -> None:
    assert selected(lambda value: given, "mine") == []


def test_one_name_may_be_a_text() -> None:
    assert selected(lambda value: value, "ab", values=["ab", "a", "b"]) == ["ab"]


def test_selections_share_one_operator_and_the_split_stream_is_the_stream_itself(
    env: StreamExecutionEnvironment,
) -> None:
    stream = env.from_collection([1], Types.INT())
    split = stream.split(ByParity())
    assert isinstance(split, SplitStream)
    assert split._transformation is stream._transformation
    even, odd = split.select("even"), split.select("odd")
    assert even._transformation.inputs == odd._transformation.inputs
    assert even.get_type() == Types.INT()
    assert isinstance(even.split(ByParity()).select("odd"), DataStream)


def test_refusals(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection([1])
    with pytest.raises(TypeError, match="OutputSelector"):
        stream.split(7)
    with pytest.raises(TypeError, match="names of outputs"):
        stream.split(ByParity()).select(1)  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(ValueError, match="needs the name"):
        stream.split(ByParity()).select()
