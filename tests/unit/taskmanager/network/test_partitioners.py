"""Every record goes to one subpartition (or to all), with its timestamp, and records of one key to one place."""

from __future__ import annotations

import random
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import PartitionerSpec
from millstream.common.key_groups import key_group, operator_index
from millstream.common.records import RecordBatch
from millstream.common.stable_hash import UnsupportedKeyTypeError
from millstream.common.wire.graph_pb2 import JobEdge, ResultPartitionDeployment
from millstream.common.wire.graph_pb2 import Partitioner as WirePartitioner
from millstream.taskmanager.network.partitioners import Partitioner, PartitionerFunctionError, create_partitioner


def _partitioner(
    kind: str, subpartitions: int, spec: PartitionerSpec | None = None, local: tuple[int, ...] = (), seed: int = 1
) -> Partitioner:
    payload = b"" if spec is None else cloudpickle.dumps(spec)
    deployment = ResultPartitionDeployment(
        edge=JobEdge(edge_id="edge", partitioner=WirePartitioner(kind=kind, spec=payload)),
        subpartitions=subpartitions,
        consumer_subtasks=list(range(subpartitions)),
        consumer_parallelism=subpartitions,
        consumer_max_parallelism=128,
    )
    return create_partitioner(deployment, cloudpickle.loads, random.Random(seed), local)


class ModuloPartitioner:
    def partition(self, key: int, num_partitions: int) -> int:
        return key % num_partitions


class FirstKey:
    def get_key(self, value: tuple[int, int]) -> int:
        return value[0]


def _identity(value: Any) -> Any:
    return value


_BATCHES = st.lists(
    st.lists(st.tuples(st.integers(0, 50), st.integers()), max_size=40).flatmap(
        lambda values: st.tuples(
            st.just(values), st.none() | st.lists(st.integers(), min_size=len(values), max_size=len(values))
        )
    ),
    max_size=5,
)
_SPECS = {
    "HASH": PartitionerSpec(FirstKey()),
    "CUSTOM": PartitionerSpec(lambda value: value[0], ModuloPartitioner()),
}


@pytest.mark.parametrize(
    "kind", ["HASH", "REBALANCE", "RESCALE", "SHUFFLE", "CUSTOM", "GLOBAL", "FORWARD", "BROADCAST"]
)
@given(batches=_BATCHES, subpartitions=st.integers(1, 6))
def test_partitioning_is_total_and_keeps_the_order(kind: str, batches: list[Any], subpartitions: int) -> None:
    partitioner = _partitioner(kind, subpartitions, _SPECS.get(kind))
    got: dict[int, list[Any]] = {index: [] for index in range(subpartitions)}
    sent: list[Any] = []
    for values, times in batches:
        pairs = list(zip(values, times if times is not None else [None] * len(values), strict=True))
        numbered = [(value, time, len(sent) + position) for position, (value, time) in enumerate(pairs)]
        sent.extend(numbered)
        for index, part in partitioner.partition(RecordBatch(list(values), None if times is None else list(times))):
            assert len(part) > 0
            assert (part.timestamps is None) == (times is None)
            got[index].extend(zip(part.values, part.timestamps or [None] * len(part), strict=True))
    expected = [(value, time) for value, time, _ in sent]
    if kind == "BROADCAST":
        assert all(records == expected for records in got.values())
        return
    assert sum(map(len, got.values())) == len(expected)
    # Each subpartition's records are a subsequence of what was sent.
    for records in got.values():
        stream = iter(expected)
        assert all(record in stream for record in records)


@given(st.lists(st.tuples(st.text(max_size=5) | st.integers(), st.integers())), st.integers(2, 8))
def test_hash_follows_the_key_groups(values: list[Any], subpartitions: int) -> None:
    partitioner = _partitioner("HASH", subpartitions, PartitionerSpec(lambda value: value[0]))
    for index, part in partitioner.partition(RecordBatch(values)):
        for key, _ in part.values:
            assert operator_index(key_group(key, 128), 128, subpartitions) == index


def test_hash_leaves_the_keys_for_consumers_in_the_same_slot() -> None:
    partitioner = _partitioner("HASH", 3, PartitionerSpec(lambda value: value[0]), local=(1,))
    parts = dict(partitioner.partition(RecordBatch([(number, "x") for number in range(100)])))
    assert parts[1].keys == [key for key, _ in parts[1].values]
    assert parts[0].keys is None
    assert parts[2].keys is None


def test_equal_keys_of_different_types_meet() -> None:
    partitioner = _partitioner("HASH", 8, PartitionerSpec(_identity))
    for number in range(20):
        assert len(list(partitioner.partition(RecordBatch([number, float(number), complex(number)])))) == 1


def test_many_keys_do_not_grow_the_cache_without_bound() -> None:
    partitioner = _partitioner("HASH", 2, PartitionerSpec(_identity))
    before = dict(partitioner.partition(RecordBatch(list(range(100)))))
    for start in range(0, 250_000, 50_000):
        partitioner.partition(RecordBatch(list(range(start, start + 50_000))))
    assert dict(partitioner.partition(RecordBatch(list(range(100))))) == before


@pytest.mark.parametrize("subpartitions", [1, 2])
@pytest.mark.parametrize("key", [[1], ("a", [1]), {"a": 1}, object()])
def test_keys_without_a_stable_hash_are_refused(key: Any, subpartitions: int) -> None:
    partitioner = _partitioner("HASH", subpartitions, PartitionerSpec(_identity))
    with pytest.raises(UnsupportedKeyTypeError, match="cannot be used as a key"):
        partitioner.partition(RecordBatch([key, 1]))


def test_a_failing_key_selector_names_the_record() -> None:
    partitioner = _partitioner("HASH", 2, PartitionerSpec(lambda value: 1 // value))
    with pytest.raises(PartitionerFunctionError) as caught:
        partitioner.partition(RecordBatch([3, 2, 0, 1]))
    assert (caught.value.record, caught.value.phase) == (0, "get_key")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_rebalance_goes_round_over_batches() -> None:
    partitioner = _partitioner("REBALANCE", 3)
    order = [index for _ in range(9) for index, _ in partitioner.partition(RecordBatch(["x"]))]
    assert order == [(order[0] + step) % 3 for step in range(9)]
    parts = dict(partitioner.partition(RecordBatch(list(range(9)))))
    assert parts[order[0]].values == [0, 3, 6]


def test_rebalances_do_not_all_begin_at_the_same_consumer() -> None:
    first = {_partitioner("REBALANCE", 4, seed=seed).partition(RecordBatch([0]))[0][0] for seed in range(30)}  # type: ignore[index]  # it gives a list
    assert first == {0, 1, 2, 3}


def test_shuffle_spreads_and_repeats_with_its_seed() -> None:
    parts = dict(_partitioner("SHUFFLE", 4).partition(RecordBatch(list(range(4000)))))
    assert all(len(part) > 800 for part in parts.values())
    assert dict(_partitioner("SHUFFLE", 4).partition(RecordBatch(list(range(4000))))) == parts


def test_broadcast_gives_everyone_lists_of_his_own() -> None:
    parts = dict(_partitioner("BROADCAST", 3).partition(RecordBatch([1], [2])))
    assert len({id(part.values) for part in parts.values()}) == 3
    assert len({id(part.timestamps) for part in parts.values()}) == 3


@pytest.mark.parametrize("answer", [-1, 3, 0.5, None, "0"])
def test_a_custom_partitioner_must_choose_a_partition_that_exists(answer: Any) -> None:
    partitioner = _partitioner("CUSTOM", 3, PartitionerSpec(_identity, lambda key, count: answer if key == 7 else 0))
    with pytest.raises(PartitionerFunctionError, match="for key 7; it must return an int from 0 to 2") as caught:
        partitioner.partition(RecordBatch([1, 7]))
    assert (caught.value.record, caught.value.phase) == (7, "partition")


def test_a_failing_custom_partitioner_names_the_record() -> None:
    partitioner = _partitioner("CUSTOM", 3, PartitionerSpec(_identity, lambda key, count: count // key))
    with pytest.raises(PartitionerFunctionError) as caught:
        partitioner.partition(RecordBatch([2, 0]))
    assert (caught.value.record, caught.value.phase) == (0, "partition")


def test_what_cannot_partition_is_refused() -> None:
    with pytest.raises(TypeError, match="neither callable nor has partition"):
        _partitioner("CUSTOM", 2, PartitionerSpec(_identity, 5))
    with pytest.raises(TypeError, match="neither callable nor a KeySelector"):
        _partitioner("HASH", 2, PartitionerSpec("name"))
    with pytest.raises(ValueError, match="no partitioner of kind 'RANGE'"):
        _partitioner("RANGE", 2)


@pytest.mark.parametrize("subpartitions", [1, 2])
@pytest.mark.parametrize("key", [[1], (1, {2: 3}), object()])
def test_a_key_without_a_stable_hash_tells_its_record(subpartitions: int, key: Any) -> None:
    values = [(key, 1)] if subpartitions == 1 else [("fine", 0), (key, 1)]
    partitioner = _partitioner("HASH", subpartitions, PartitionerSpec(FirstKey()))
    with pytest.raises(UnsupportedKeyTypeError) as caught:
        partitioner.partition(RecordBatch(values))
    assert caught.value.record_index == len(values) - 1


@pytest.mark.parametrize("readers", [1, 3, 5])
def test_a_split_goes_to_its_reader(readers: int) -> None:
    assigned = [(number % readers, f"split {number}") for number in range(12)]
    parts = dict(_partitioner("SPLITS", readers).partition(RecordBatch(list(assigned))))
    assert {index: part.values for index, part in parts.items()} == {
        reader: [each for each in assigned if each[0] == reader] for reader in range(readers)
    }
