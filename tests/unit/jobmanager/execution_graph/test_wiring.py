"""Each channel of a consumer is exactly one subpartition of one producer, for every partitioner and parallelism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.ids import AllocationId, ResourceId
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.jobmanager.execution_graph import ExecutionGraph, PhysicalSlot, TaskManagerLocation
from millstream.jobmanager.execution_graph.distribution_pattern import DistributionPattern, EdgeWiring, pattern_of
from millstream.jobmanager.execution_graph.task_deployment import build_task_deployment
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex

_KINDS = ["FORWARD", "HASH", "REBALANCE", "RESCALE", "SHUFFLE", "BROADCAST", "GLOBAL", "CUSTOM", "SPLITS"]


@given(st.sampled_from(list(DistributionPattern)), st.integers(1, 40), st.integers(1, 40))
def test_wiring_is_a_bijection(pattern: DistributionPattern, producers: int, consumers: int) -> None:
    wiring = EdgeWiring(pattern, producers, consumers)
    read = [
        (channel.producer, channel.subpartition, consumer)
        for consumer in range(consumers)
        for channel in wiring.channels_of_consumer(consumer)
    ]
    written = [
        (producer, subpartition, consumer)
        for producer in range(producers)
        for subpartition, consumer in enumerate(wiring.consumers_of_producer(producer))
    ]
    assert sorted(read) == sorted(written)
    assert len({(producer, subpartition) for producer, subpartition, _ in read}) == len(read)
    # Nobody is left out.
    assert {consumer for _, _, consumer in read} == set(range(consumers))
    assert {producer for producer, _, _ in read} == set(range(producers))


@given(st.integers(1, 40), st.integers(1, 40))
def test_pointwise_is_balanced(producers: int, consumers: int) -> None:
    wiring = EdgeWiring(DistributionPattern.POINTWISE, producers, consumers)
    fan_in = {len(wiring.channels_of_consumer(consumer)) for consumer in range(consumers)}
    fan_out = {len(wiring.consumers_of_producer(producer)) for producer in range(producers)}
    assert max(fan_in) - min(fan_in) <= 1
    assert max(fan_out) - min(fan_out) <= 1
    if producers >= consumers:
        assert fan_out == {1}
    else:
        assert fan_in == {1}


@pytest.mark.parametrize(
    ("producers", "consumers", "expected"),
    [
        (2, 2, [[0], [1]]),
        (4, 2, [[0], [0], [1], [1]]),
        (3, 2, [[0], [1], [1]]),
        (2, 4, [[0, 1], [2, 3]]),
        (2, 3, [[0, 1], [2]]),
        (2, 5, [[0, 1, 2], [3, 4]]),
    ],
)
def test_pointwise_as_flink_does_it(producers: int, consumers: int, expected: list[list[int]]) -> None:
    wiring = EdgeWiring(DistributionPattern.POINTWISE, producers, consumers)
    assert [list(wiring.consumers_of_producer(producer)) for producer in range(producers)] == expected


def test_only_forward_and_rescale_are_pointwise() -> None:
    assert [kind for kind in _KINDS if pattern_of(kind) is DistributionPattern.POINTWISE] == ["FORWARD", "RESCALE"]


def test_an_unknown_partitioner_is_refused_by_name() -> None:
    with pytest.raises(MillstreamError, match="unknown partitioner 'ZIGZAG'"):
        pattern_of("ZIGZAG")


def _deployments(graph: ExecutionGraph) -> list[TaskDeployment]:
    for one in graph.vertices():
        index = one.id.subtask_index
        one.current.slot = PhysicalSlot(
            AllocationId(f"allocation-{index}"), index, TaskManagerLocation(ResourceId("tm")), "127.0.0.1", 4000 + index
        )
    return [build_task_deployment(graph, one) for one in graph.vertices()]


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("source_parallelism", [1, 2, 3])
@pytest.mark.parametrize("target_parallelism", [1, 2, 4])
def test_deployments_match(kind: str, source_parallelism: int, target_parallelism: int) -> None:
    graph = execution_graph(
        job_graph(
            [vertex("source", source_parallelism), vertex("sink", target_parallelism)], [("source", "sink", kind)]
        )
    )
    tasks = {task.attempt_id: task for task in _deployments(graph)}
    consumers = [task for task in tasks.values() if task.vertex.name == "sink"]
    producers = [task for task in tasks.values() if task.vertex.name == "source"]
    seen = set()
    for consumer in consumers:
        (gate,) = consumer.inputs
        assert gate.edge.partitioner.kind == kind
        for channel in gate.channels:
            producer = tasks[channel.producer_attempt_id]
            (partition,) = producer.outputs
            assert producer.subtask_index == channel.producer_subtask
            assert producer.allocation_id == channel.producer_allocation_id
            assert (channel.host, channel.port) == ("127.0.0.1", 4000 + producer.subtask_index)
            assert partition.consumer_subtasks[channel.subpartition] == consumer.subtask_index
            assert partition.consumer_allocations[channel.subpartition] == consumer.allocation_id
            seen.add((channel.producer_attempt_id, channel.subpartition))
    assert len(seen) == sum(producer.outputs[0].subpartitions for producer in producers)
    for producer in producers:
        (partition,) = producer.outputs
        assert partition.subpartitions == len(partition.consumer_subtasks) == len(partition.consumer_allocations)
        assert partition.consumer_parallelism == target_parallelism
        assert partition.consumer_max_parallelism == 128


def test_a_task_without_a_slot_cannot_be_deployed() -> None:
    graph = execution_graph(job_graph([vertex("map")]))
    with pytest.raises(ValueError, match=r"map \(1/1\) has no slot"):
        build_task_deployment(graph, next(graph.vertices()))
