"""Which operators share a task.

Two operators are chained when records can simply be handed on from one to the other: by a forward edge that is the
lower one's only input, with the same parallelism and max parallelism, in the same slot sharing group, and when neither
the user nor the job forbids it.
"""

from __future__ import annotations

from millstream.datastream.chaining_strategy import ChainingStrategy
from millstream.datastream.graph.stream_graph import StreamEdge, StreamGraph

__all__ = ["is_chainable"]


def is_chainable(edge: StreamEdge, graph: StreamGraph) -> bool:
    """Whether the edge's target runs in the task of its source."""
    source, target = edge.source, edge.target
    return (
        graph.chaining
        and len(target.in_edges) == 1
        and edge.partitioner == "FORWARD"
        and source.parallelism == target.parallelism
        and source.max_parallelism == target.max_parallelism
        and source.slot_sharing_group == target.slot_sharing_group
        and source.operator.co_location_group == target.operator.co_location_group
        and source.operator.chaining_strategy is not ChainingStrategy.NEVER
        and target.operator.chaining_strategy is ChainingStrategy.ALWAYS
    )
