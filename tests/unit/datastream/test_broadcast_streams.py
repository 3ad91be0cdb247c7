"""The broadcast state pattern as a part of the program."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Types
from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import BroadcastProcessSpec
from millstream.datastream import (
    BroadcastConnectedStream,
    BroadcastProcessFunction,
    BroadcastStream,
    KeyedBroadcastProcessFunction,
    StreamExecutionEnvironment,
)
from millstream.datastream.state import MapStateDescriptor, ValueStateDescriptor
from millstream.datastream.transformation import OperatorTransformation, PartitionTransformation

RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())


class Plain(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Any:
        yield value

    def process_broadcast_element(self, value: Any, ctx: BroadcastProcessFunction.Context) -> Any:
        yield value


class Keyed(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Any:
        yield value

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Any:
        yield value


def test_a_stream_and_a_broadcast_one(env: StreamExecutionEnvironment) -> None:
    rules = env.from_collection([1]).broadcast(RULES)
    assert isinstance(rules, BroadcastStream)
    assert rules.broadcast_state_descriptors == [RULES]
    connected = env.from_collection([1]).connect(rules)
    assert isinstance(connected, BroadcastConnectedStream)
    stream = connected.process(Plain(), Types.INT())
    operator = stream._transformation
    assert isinstance(operator, OperatorTransformation)
    assert isinstance(operator.spec, BroadcastProcessSpec)
    assert operator.spec.state_descriptors == (RULES,)
    assert operator.spec.key_selector is None
    partition = operator.inputs[1]
    assert isinstance(partition, PartitionTransformation)
    assert partition.partitioner == "BROADCAST"
    assert stream.get_name() == "Co-Process-Broadcast"
    assert stream.get_type() == Types.INT()
    keyed = env.from_collection([1]).key_by(lambda v: v).connect(rules).process(Keyed())
    assert keyed.get_name() == "Keyed-Co-Process-Broadcast"


def test_the_function_has_to_fit_the_stream(env: StreamExecutionEnvironment) -> None:
    stream, rules = env.from_collection([1]), env.from_collection([1]).broadcast(RULES)
    plain, keyed = stream.connect(rules), stream.key_by(lambda v: v).connect(rules)
    with pytest.raises(TypeError, match="KeyedBroadcastProcessFunction should be applied to keyed DataStream"):
        plain.process(Keyed())
    with pytest.raises(TypeError, match="BroadcastProcessFunction should be applied to non-keyed DataStream"):
        keyed.process(Plain())
    with pytest.raises(TypeError, match=r"process\(\)"):
        plain.process(lambda v: v)
    with pytest.raises(TypeError, match=r"pass an instance"):
        plain.process(Plain)


def test_descriptors(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection([1])
    with pytest.raises(TypeError, match="MapStateDescriptor"):
        stream.broadcast(ValueStateDescriptor("v", Types.INT()))  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(ValueError, match="'rules'"):
        stream.broadcast(RULES, RULES)


def test_different_environments(env: StreamExecutionEnvironment) -> None:
    other = StreamExecutionEnvironment.get_execution_environment()
    with pytest.raises(InvalidProgramError, match="different environments"):
        env.from_collection([1]).connect(other.from_collection([1]).broadcast(RULES))
