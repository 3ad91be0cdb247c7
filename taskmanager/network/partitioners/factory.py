"""Makes the partitioner that a job edge asks for."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any

from millstream.common.graph.operator_spec import PartitionerSpec
from millstream.common.wire.graph_pb2 import ResultPartitionDeployment
from millstream.taskmanager.network.partitioners.broadcast import BroadcastPartitioner
from millstream.taskmanager.network.partitioners.custom import CustomPartitioner
from millstream.taskmanager.network.partitioners.hash import HashPartitioner
from millstream.taskmanager.network.partitioners.partitioner import Partitioner
from millstream.taskmanager.network.partitioners.round_robin import RoundRobinPartitioner
from millstream.taskmanager.network.partitioners.shuffle import ShufflePartitioner
from millstream.taskmanager.network.partitioners.single import SinglePartitioner
from millstream.taskmanager.network.partitioners.splits import SplitPartitioner
from millstream.taskmanager.network.partitioners.user_call import key_function

__all__ = ["create_partitioner"]


def create_partitioner(
    deployment: ResultPartitionDeployment,
    load_payload: Callable[[bytes], Any],
    source: random.Random,
    local: Collection[int] = (),
    inline: bool = False,
) -> Partitioner:
    """Return the partitioner of a result partition.

    :param load_payload: unpickles what the user wrote.
    :param source: randomness of shuffle, and of where a rebalance begins.
    :param local: subpartitions that are read in this slot.
    :param inline: simple key selectors may stand in generated code instead of being called.
    :raises ValueError: the edge asks for a partitioner that does not exist.
    """
    kind = deployment.edge.partitioner.kind
    count = deployment.subpartitions
    if kind == "HASH":
        spec: PartitionerSpec = load_payload(deployment.edge.partitioner.spec)
        subtasks = list(deployment.consumer_subtasks) or list(range(count))
        return HashPartitioner(
            key_function(spec.key_selector),
            deployment.consumer_max_parallelism,
            deployment.consumer_parallelism,
            subtasks,
            local,
            inline,
        )
    if kind == "CUSTOM":
        spec = load_payload(deployment.edge.partitioner.spec)
        return CustomPartitioner(key_function(spec.key_selector), spec.partitioner, count)
    if kind in ("REBALANCE", "RESCALE"):
        return RoundRobinPartitioner(count, source.randrange(count))
    if kind == "SHUFFLE":
        return ShufflePartitioner(count, source)
    if kind == "BROADCAST":
        return BroadcastPartitioner(count)
    if kind == "SPLITS":
        return SplitPartitioner(count)
    if kind in ("FORWARD", "GLOBAL"):
        return SinglePartitioner()
    raise ValueError(f"edge {deployment.edge.edge_id}: there is no partitioner of kind {kind!r}")
