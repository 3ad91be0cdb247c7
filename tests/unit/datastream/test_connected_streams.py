"""Connected streams as a part of the program: what is refused, and what the graph looks like."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Types
from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import CoFlatMapSpec, CoMapSpec, CoProcessSpec
from millstream.datastream import (
    CoFlatMapFunction,
    CoMapFunction,
    ConnectedStreams,
    CoProcessFunction,
    DataStream,
    KeyedCoProcessFunction,
    KeySelector,
    MapFunction,
    StreamExecutionEnvironment,
)
from millstream.datastream.transformation import OperatorTransformation, PartitionTransformation


class Map(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value

    def map2(self, value: Any) -> Any:
        return value


class FlatMap(CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Any:
        yield value

    def flat_map2(self, value: Any) -> Any:
        yield value


class Process(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        yield value

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        yield value


class KeyedProcess(KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        yield value

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        yield value


class First(KeySelector):
    def get_key(self, value: Any) -> Any:
        return value[0]


def connected(env: StreamExecutionEnvironment) -> ConnectedStreams:
    streams = env.from_collection([(1, 2)]).connect(env.from_collection([(1, 2)]))
    assert isinstance(streams, ConnectedStreams)
    return streams


def operator(stream: DataStream) -> OperatorTransformation:
    assert isinstance(stream._transformation, OperatorTransformation)
    return stream._transformation


def test_two_streams_are_two_inputs(env: StreamExecutionEnvironment) -> None:
    streams = connected(env)
    stream = streams.map(Map(), Types.STRING())
    assert operator(stream).inputs == (streams.stream1._transformation, streams.stream2._transformation)
    assert stream.get_type() == Types.STRING()
    assert stream.get_name() == "Co-Map"
    assert isinstance(operator(stream).spec, CoMapSpec)
    assert operator(stream).spec.key_selector1 is None  # type: ignore[union-attr]  # it is a CoMapSpec
    assert streams.get_execution_environment() is env
    assert (streams.get_first_input(), streams.get_second_input()) == (streams.stream1, streams.stream2)


def test_names_and_types(env: StreamExecutionEnvironment) -> None:
    streams = connected(env)
    keyed = streams.key_by(0, 0)
    assert streams.flat_map(FlatMap()).get_name() == "Co-Flat Map"
    assert streams.process(Process()).get_name() == "Co-Process"
    assert keyed.process(Process()).get_name() == "Keyed Co-Process"
    assert keyed.process(KeyedProcess()).get_name() == "Keyed Co-Process"
    assert keyed.process(KeyedProcess(), [Types.INT()]).get_type() == Types.ROW([Types.INT()])  # type: ignore[arg-type]  # as PyFlink takes it
    with pytest.raises(TypeError, match="output_type"):
        streams.map(Map(), int)  # type: ignore[arg-type]  # that is what is refused


@pytest.mark.parametrize(
    "keys", [(0, 1), ([0], [1]), ("f0", "f1"), (First(), lambda v: v[1]), (lambda v: v[0], lambda v: v[1])]
)
def test_keys_of_both_streams(env: StreamExecutionEnvironment, keys: tuple[Any, Any]) -> None:
    stream = connected(env).key_by(*keys, key_type=Types.INT()).flat_map(FlatMap())
    spec = operator(stream).spec
    assert isinstance(spec, CoFlatMapSpec)
    found = [getattr(each, "get_key", each)((3, 4)) for each in (spec.key_selector1, spec.key_selector2)]
    assert found == [3, 4]
    partitions = operator(stream).inputs
    assert all(isinstance(each, PartitionTransformation) and each.partitioner == "HASH" for each in partitions)


def test_keyed_streams_can_be_connected_and_keyed_anew(env: StreamExecutionEnvironment) -> None:
    a, b = env.from_collection([(1, 2)]), env.from_collection([(1, 2)])
    streams = a.key_by(lambda v: v[0]).connect(b.key_by(lambda v: v[1]))
    spec = operator(streams.process(KeyedProcess())).spec
    assert isinstance(spec, CoProcessSpec)
    assert (spec.key_selector1((1, 2)), spec.key_selector2((1, 2))) == (1, 2)
    spec = operator(streams.key_by(1, 0).process(KeyedProcess())).spec
    assert isinstance(spec, CoProcessSpec)
    assert (spec.key_selector1((1, 2)), spec.key_selector2((1, 2))) == (2, 1)


def test_one_keyed_stream_keys_nothing(env: StreamExecutionEnvironment) -> None:
    streams = connected(env)
    half = streams.stream1.key_by(0).connect(streams.stream2)
    spec = operator(half.process(Process())).spec
    assert isinstance(spec, CoProcessSpec)
    assert spec.key_selector1 is None
    with pytest.raises(InvalidProgramError, match="needs two keyed streams, and only one of these is"):
        half.process(KeyedProcess())
    with pytest.raises(InvalidProgramError, match=r"needs two keyed streams, and these are not; .*key_by\("):
        streams.process(KeyedProcess())


def test_what_cannot_be_connected(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection([1])
    other = StreamExecutionEnvironment.get_execution_environment().from_collection([1])
    with pytest.raises(InvalidProgramError, match=f"^{__file__}.*different environments"):
        stream.connect(other)
    with pytest.raises(TypeError, match=r"connect\(\) takes streams"):
        stream.connect([1])  # type: ignore[call-overload]  # that is what is refused
    keyed = stream.key_by(lambda v: v, key_type=Types.INT()).connect(stream.key_by(str, key_type=Types.STRING()))
    with pytest.raises(InvalidProgramError, match="keys are of different types, Integer and String"):
        keyed.process(KeyedProcess())


@pytest.mark.parametrize("method", ["map", "flat_map", "process"])
@pytest.mark.parametrize("function", [Process, lambda a, b: a, MapFunction, None])
def test_other_functions_are_refused(env: StreamExecutionEnvironment, method: str, function: Any) -> None:
    with pytest.raises(TypeError, match=rf"{method}\(\)"):
        getattr(connected(env), method)(function)


def test_a_stream_can_be_connected_to_itself(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection([1])
    streams = stream.connect(stream)
    streams.map(Map()).print()
    assert env.get_execution_plan()
