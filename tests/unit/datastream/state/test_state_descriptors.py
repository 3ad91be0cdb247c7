"""Descriptors of state and the configuration of its time to live."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest

from millstream.common.time import Duration, Time
from millstream.common.typeinfo import Types
from millstream.datastream.functions import AggregateFunction, ReduceFunction
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)


class Max(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return max(value1, value2)


class Sum(AggregateFunction):
    def create_accumulator(self) -> Any:
        return 0

    def add(self, value: Any, accumulator: Any) -> Any:
        return accumulator + value

    def get_result(self, accumulator: Any) -> Any:
        return accumulator

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a + acc_b


def test_descriptors_have_a_name_and_a_type_and_can_be_pickled() -> None:
    ttl = StateTtlConfig.new_builder(Time.seconds(1)).cleanup_incrementally(3, True).build()
    for descriptor, type_info in (
        (ValueStateDescriptor("s", Types.INT()), Types.INT()),
        (ListStateDescriptor("s", Types.INT()), Types.LIST(Types.INT())),
        (MapStateDescriptor("s", Types.STRING(), Types.INT()), Types.MAP(Types.STRING(), Types.INT())),
        (ReducingStateDescriptor("s", Max(), Types.INT()), Types.INT()),
        (AggregatingStateDescriptor("s", Sum(), Types.LONG()), Types.LONG()),
        (ValueStateDescriptor("s"), None),
        (ListStateDescriptor("s"), None),
        (MapStateDescriptor("s"), None),
    ):
        assert descriptor.get_ttl_config() is None
        descriptor.enable_time_to_live(ttl)
        for copy in (descriptor, pickle.loads(pickle.dumps(descriptor))):
            assert (copy.get_name(), copy.name, copy.type_info) == ("s", "s", type_info)
            config = copy.get_ttl_config()
            assert config is not None
            assert config.get_ttl() == Time.milliseconds(1000)


def test_reducing_state_takes_a_callable_and_aggregating_state_does_not() -> None:
    reducing = cloudpickle.loads(cloudpickle.dumps(ReducingStateDescriptor("s", lambda a, b: a - b, Types.INT())))
    assert reducing.get_reduce_function().reduce(5, 3) == 2
    function = Max()
    assert ReducingStateDescriptor("s", function, Types.INT()).get_reduce_function() is function
    aggregate = Sum()
    assert AggregatingStateDescriptor("s", aggregate, Types.INT()).get_agg_function() is aggregate
    with pytest.raises(TypeError, match="must be a ReduceFunction or a callable function"):
        ReducingStateDescriptor("s", 5, Types.INT())  # type: ignore[arg-type]  # a mistake
    with pytest.raises(TypeError, match="must be an AggregateFunction"):
        AggregatingStateDescriptor("s", max, Types.INT())  # type: ignore[arg-type]  # a mistake


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_state_needs_a_name(name: Any) -> None:
    with pytest.raises(TypeError, match="the name of a state is a text"):
        ValueStateDescriptor(name, Types.INT())


def test_a_type_is_a_type_information() -> None:
    for make in (
        lambda: ValueStateDescriptor("s", int),  # type: ignore[arg-type]  # a mistake
        lambda: ListStateDescriptor("s", int),  # type: ignore[arg-type]  # a mistake
        lambda: MapStateDescriptor("s", Types.INT(), "x"),  # type: ignore[arg-type]  # a mistake
    ):
        with pytest.raises(TypeError, match=r"StateDescriptor\('s'.*: the type has to be a TypeInformation"):
            make()


def test_the_defaults_of_a_time_to_live() -> None:
    config = StateTtlConfig.new_builder(Time.minutes(1)).build()
    assert config.get_ttl().to_milliseconds() == 60_000
    assert config.get_update_type() is StateTtlConfig.UpdateType.OnCreateAndWrite
    assert config.get_state_visibility() is StateTtlConfig.StateVisibility.NeverReturnExpired
    assert config.get_ttl_time_characteristic() is StateTtlConfig.TtlTimeCharacteristic.ProcessingTime
    assert config.is_enabled()
    strategies = config.get_cleanup_strategies()
    assert strategies.is_cleanup_in_background()
    assert not strategies.in_full_snapshot()
    incremental = strategies.get_incremental_cleanup_strategy()
    assert incremental is not None
    assert (incremental.get_cleanup_size(), incremental.run_cleanup_for_every_record()) == (5, False)
    compaction = strategies.get_rocksdb_compact_filter_cleanup_strategy()
    assert compaction is not None
    assert compaction.get_query_time_after_num_entries() == 1000
    assert compaction.get_periodic_compaction_time() == Duration.of_days(30)


def test_everything_can_be_set() -> None:
    config = (
        StateTtlConfig.new_builder(Time.minutes(1))
        .update_ttl_on_create_and_write()
        .update_ttl_on_read_and_write()
        .never_return_expired()
        .return_expired_if_not_cleaned_up()
        .use_processing_time()
        .cleanup_full_snapshot()
        .cleanup_incrementally(10, True)
        .cleanup_in_rocksdb_compact_filter(77, Duration.of_days(1))
        .disable_cleanup_in_background()
        .set_ttl(Time.seconds(5))
        .build()
    )
    config = pickle.loads(pickle.dumps(config))
    assert config.get_ttl() == Time.seconds(5)
    assert config.get_update_type() is StateTtlConfig.UpdateType.OnReadAndWrite
    assert config.get_state_visibility() is StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp
    strategies = config.get_cleanup_strategies()
    assert not strategies.is_cleanup_in_background()
    assert strategies.in_full_snapshot()
    assert strategies.get_incremental_cleanup_strategy().get_cleanup_size() == 10
    assert strategies.get_incremental_cleanup_strategy().run_cleanup_for_every_record()
    assert strategies.get_rocksdb_compact_filter_cleanup_strategy().get_query_time_after_num_entries() == 77
    bare = StateTtlConfig.new_builder(Time.seconds(1)).disable_cleanup_in_background().build().get_cleanup_strategies()
    assert bare.get_incremental_cleanup_strategy() is None
    assert bare.get_rocksdb_compact_filter_cleanup_strategy() is None
    builder = StateTtlConfig.new_builder(Time.seconds(1)).set_update_type(StateTtlConfig.UpdateType.Disabled)
    disabled = builder.build()
    assert not disabled.is_enabled()
    descriptor = ValueStateDescriptor("s", Types.INT())
    descriptor.enable_time_to_live(disabled)
    assert descriptor.get_ttl_config() is None
    assert "ttl=1000 ms" in repr(disabled)


def test_a_time_to_live_is_a_time() -> None:
    assert StateTtlConfig.new_builder(Duration.of_seconds(2)).build().get_ttl() == Time.seconds(2)
    with pytest.raises(TypeError, match="a time to live is a Time such as"):
        StateTtlConfig.new_builder(5)  # type: ignore[arg-type]  # a mistake
    with pytest.raises(ValueError, match="longer than nothing"):
        StateTtlConfig.new_builder(Time.seconds(0))
    with pytest.raises(ValueError, match="a number of keys, not -1"):
        StateTtlConfig.new_builder(Time.seconds(1)).cleanup_incrementally(-1, False)
