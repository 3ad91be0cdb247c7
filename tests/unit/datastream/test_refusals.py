"""Programs that cannot run are refused on the client, with the user's line."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from operator import methodcaller
from typing import Any

import pytest

from millstream.common import Types, WatermarkStrategy
from millstream.common.errors import InvalidProgramError
from millstream.datastream import (
    DataStream,
    FilterFunction,
    MapFunction,
    SourceContext,
    SourceFunction,
    StreamExecutionEnvironment,
)
from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.transformation import PartitionTransformation


class Numbers(SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)

    def cancel(self) -> None:
        pass


class WithLock(MapFunction):
    def __init__(self) -> None:
        self.guards = {"first": [threading.Lock()]}

    def map(self, value: Any) -> Any:
        return value


def here(offset: int = 0) -> str:
    """``file:line`` of the caller's line."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno + offset}"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InvalidProgramError) as caught:
        call()
    return str(caught.value)


def test_nothing_defined(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 2)  # a source alone is no program
    message = refusal(env.execute)
    assert message.endswith("No operators defined in streaming topology. Cannot execute.")
    assert message.startswith(f"{__file__}:")


def test_duplicate_uid(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2).uid("mine")
    first = here(-1)
    stream.map(lambda v: v).uid("mine")
    second = here(-1)
    message = refusal(env.execute)
    assert message.startswith(second)
    assert first in message
    assert "'mine'" in message


def test_parallelism_above_max_parallelism(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 2).map(lambda v: v).name("m").set_parallelism(9).set_max_parallelism(8)
    line = here(-1)
    message = refusal(env.execute)
    assert message.startswith(line)
    assert "parallelism 9 of 'm' is above its max parallelism 8" in message


def test_forward_between_different_parallelisms(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2)
    stream.forward().map(lambda v: v).set_parallelism(2)
    line = here(-1)
    message = refusal(env.get_execution_plan)
    assert message.startswith(line)
    assert "parallelism 4" in message
    assert "rebalance" in message


def test_bounds_of_parallelism(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2).map(lambda v: v).name("m")
    for call in (
        lambda: stream.set_parallelism(0),
        lambda: stream.set_max_parallelism(0),
        lambda: stream.set_max_parallelism(32769),
        lambda: env.set_parallelism(0),
        lambda: env.set_max_parallelism(0),
        lambda: env.set_max_parallelism(32769),
        lambda: stream.set_uid_hash("xyz"),
    ):
        assert refusal(call).startswith(f"{__file__}:")


def test_a_source_that_is_not_parallel(env: StreamExecutionEnvironment) -> None:
    for stream in (env.add_source(Numbers(), "n"), env.from_collection([1]), env.socket_text_stream("h", 1)):
        assert "must be 1, not 2" in refusal(lambda stream=stream: stream.set_parallelism(2))  # type: ignore[misc]
        stream.set_parallelism(1)


def test_a_cycle(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2).map(lambda v: v).name("first").rebalance()
    after = stream.map(lambda v: v).name("second")
    partition = stream._transformation
    assert isinstance(partition, PartitionTransformation)
    partition.input = after._transformation
    message = refusal(env.execute)
    assert "cycle" in message
    assert "'second'" in message
    assert message.startswith(f"{__file__}:")


def test_streams_of_two_environments(env: StreamExecutionEnvironment) -> None:
    other = StreamExecutionEnvironment.get_execution_environment()
    assert "different environments" in refusal(lambda: env.from_sequence(1, 2).union(other.from_sequence(1, 2)))


def test_union_of_streams_of_different_types(env: StreamExecutionEnvironment) -> None:
    texts, numbers = env.from_collection(["a"], Types.STRING()), env.from_collection([1], Types.INT())
    assert "different types: Integer, String" in refusal(lambda: texts.union(numbers))
    texts.union(texts, env.from_collection(["b"]))


def test_settings_of_what_is_no_operator(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2)
    assert "rebalance" in refusal(lambda: stream.rebalance().set_parallelism(2))
    assert "union" in refusal(lambda: stream.union(stream).name("x"))


KEYED: list[Callable[[Any], object]] = [
    lambda k: k.name("x"),
    lambda k: k.get_name(),
    lambda k: k.uid("x"),
    lambda k: k.set_uid_hash("x"),
    lambda k: k.set_parallelism(2),
    lambda k: k.set_max_parallelism(2),
    lambda k: k.force_non_parallel(),
    lambda k: k.set_buffer_timeout(1),
    lambda k: k.start_new_chain(),
    lambda k: k.disable_chaining(),
    lambda k: k.slot_sharing_group("x"),
    lambda k: k.shuffle(),
    lambda k: k.rebalance(),
    lambda k: k.rescale(),
    lambda k: k.forward(),
    lambda k: k.broadcast(),
    lambda k: k.global_(),
    methodcaller("global"),
    lambda k: k.partition_custom(lambda key, n: 0, lambda v: v),
]


@pytest.mark.parametrize("call", KEYED)
def test_a_keyed_stream_is_no_operator(env: StreamExecutionEnvironment, call: Callable[[Any], object]) -> None:
    keyed = env.from_sequence(1, 2).key_by(lambda v: v)
    assert "KeyedStream" in refusal(lambda: call(keyed))


MISTAKES: list[Callable[[Any], object]] = [
    lambda s: s.name(""),
    lambda s: s.uid(None),
    lambda s: s.set_buffer_timeout(-2),
    lambda s: s.slot_sharing_group(3),
    lambda s: s.returns("string"),
    lambda s: s.map(str, output_type="string"),
    lambda s: s.project(),
    lambda s: s.project("a"),
    lambda s: s.project(-1),
    lambda s: s.key_by("a b"),
    lambda s: s.key_by(1.5),
    lambda s: s.key_by(0).sum(1.5),
    lambda s: s.key_by(0).max("a b"),
    lambda s: s.union(3),
    lambda s: s.connect(s).process(3),
    lambda s: s.sink_to(3),
    lambda s: s.execute_and_collect(limit=-1),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_arguments_are_refused_with_the_line_of_the_program(
    env: StreamExecutionEnvironment, mistake: Callable[[Any], object]
) -> None:
    with pytest.raises((TypeError, ValueError), match=r"test_refusals\.py:\d+: "):
        mistake(env.from_collection([(1, 2)]))


def test_a_list_of_output_types_means_rows(env: StreamExecutionEnvironment) -> None:
    texts = env.from_collection([(1, 2)]).map(lambda pair: pair, output_type=[Types.INT(), Types.INT()])  # type: ignore[arg-type]  # PyFlink takes it, undeclared
    assert texts.get_type() == Types.ROW([Types.INT(), Types.INT()])


def test_uids_can_be_required(env: StreamExecutionEnvironment) -> None:
    env.get_config().disable_auto_generated_uids()
    env.from_sequence(1, 2).uid("a").map(lambda v: v).name("m")
    assert "'m' has no uid" in refusal(env.execute)


def test_a_python_file_that_is_not_there(env: StreamExecutionEnvironment) -> None:
    assert "'/nowhere/x.py' does not exist" in refusal(lambda: env.add_python_file("/nowhere/x.py"))


# -- functions that cannot be pickled -----------------------------------------------------------------------------


def test_an_attribute_that_cannot_be_pickled(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 2).map(WithLock()).name("locked")
    line = here(-1)
    message = refusal(env.execute)
    assert message.startswith(line)
    assert "operator 'locked'" in message
    assert "attribute 'guards' of WithLock -> ['first'] -> [0]" in message
    assert "open()" in message


def test_a_variable_of_a_lambda_that_cannot_be_pickled(env: StreamExecutionEnvironment) -> None:
    guard = threading.Lock()
    env.from_sequence(1, 2).filter(lambda v: guard is None)
    line = here(-1)
    message = refusal(env.execute)
    assert f"variable 'guard' used in the lambda ({line})" in message
    assert "_thread.lock" in message


def test_a_key_selector_that_cannot_be_pickled(env: StreamExecutionEnvironment) -> None:
    guard = threading.Lock()
    env.from_sequence(1, 2).key_by(lambda v: guard).print()
    line = here(-1)
    message = refusal(env.execute)
    assert message.startswith(line)
    assert "partitioning between 'Source: Sequence Source' and 'Sink: Print to Std. Out'" in message


def test_a_stream_inside_a_function(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 2)
    stream.map(lambda v: stream)
    message = refusal(env.execute)
    assert "variable 'stream'" in message
    assert "cannot be used inside a function" in message


# -- arguments of the wrong kind ----------------------------------------------------------------------------------

WRONG: list[Callable[[DataStream], object]] = [
    lambda s: s.map(3),  # type: ignore[arg-type]
    lambda s: s.map(FilterFunction),  # type: ignore[arg-type]
    lambda s: s.map(_Positive()),  # type: ignore[arg-type]
    lambda s: s.flat_map("x"),  # type: ignore[arg-type]
    lambda s: s.filter(None),  # type: ignore[arg-type]
    lambda s: s.key_by(1.5),  # type: ignore[arg-type]
    lambda s: s.key_by(_Positive()),  # type: ignore[arg-type]
    lambda s: s.key_by(0).reduce(7),  # type: ignore[arg-type]
    lambda s: s.add_sink(7),  # type: ignore[arg-type]
    lambda s: s.sink_to(lambda v: v),  # type: ignore[arg-type]
    lambda s: s.partition_custom(7, lambda v: v),  # type: ignore[arg-type]
    lambda s: s.union(7),  # type: ignore[arg-type]
    lambda s: s.map(lambda v: v, int),  # type: ignore[arg-type]
    lambda s: s.returns(int),  # type: ignore[arg-type]
    lambda s: s.set_parallelism("2"),  # type: ignore[arg-type]
    lambda s: s.name(3),  # type: ignore[arg-type]
    lambda s: s.get_execution_environment().from_source(Numbers(), None, "x"),  # type: ignore[arg-type]
    lambda s: s.get_execution_environment().add_source(lambda: None),  # type: ignore[arg-type]
    lambda s: s.get_execution_environment().from_collection([1], int),  # type: ignore[arg-type]
]


class _Positive(FilterFunction):
    def filter(self, value: Any) -> bool:
        return bool(value > 0)


@pytest.mark.parametrize("call", WRONG)
def test_type_errors(env: StreamExecutionEnvironment, call: Callable[[DataStream], object]) -> None:
    with pytest.raises(TypeError):
        call(env.from_sequence(1, 2))


def test_a_class_instead_of_an_instance_says_so(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match=r"pass an instance: filter\(_Positive\(...\)\)"):
        env.from_sequence(1, 2).filter(_Positive)  # type: ignore[arg-type]


def test_a_watermark_strategy_is_one(env: StreamExecutionEnvironment) -> None:
    source = NumberSequenceSource(1, 2)
    with pytest.raises(TypeError, match="WatermarkStrategy second, not 'numbers'"):
        env.from_source(source, "numbers", "numbers")  # type: ignore[arg-type]  # that is what is refused
    env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers")
