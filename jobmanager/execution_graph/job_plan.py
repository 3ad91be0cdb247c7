"""The job graph as it is drawn: a node a vertex, an arrow an edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from millstream.common.wire.cluster_pb2 import PlanInput, PlanNode
from millstream.common.wire.graph_pb2 import JobEdge, JobGraph, JobVertex

__all__ = ["plan_nodes"]

_EXCHANGE: Final = "pipelined_bounded"
"""All data goes on while its producer runs, and a slow consumer holds the producer back."""


def plan_nodes(graph: JobGraph) -> list[PlanNode]:
    """Return the nodes, in the order of the graph's vertices, with the arrows that come in."""
    inputs: dict[str, list[JobEdge]] = {}
    for edge in graph.edges:
        inputs.setdefault(edge.target_vertex, []).append(edge)
    return [
        PlanNode(
            vertex_id=vertex.id,
            parallelism=vertex.parallelism,
            description="\n".join(_operator_lines(vertex)),
            inputs=[
                PlanInput(vertex_id=edge.source_vertex, ship_strategy=edge.partitioner.kind, exchange=_EXCHANGE)
                for edge in sorted(inputs.get(vertex.id, []), key=lambda edge: edge.target_input)
            ],
        )
        for vertex in graph.vertices
    ]


def _operator_lines(vertex: JobVertex) -> Iterator[str]:
    """The chained operators, each below the one that it reads from and a step further in."""
    children: dict[int, list[int]] = {}
    roots = []
    for index, operator in enumerate(vertex.operators):
        # Where chained streams meet again, the operator is drawn once.
        if operator.inputs:
            children.setdefault(operator.inputs[0].parent, []).append(index)
        else:
            roots.append(index)
    waiting = [(index, 0) for index in reversed(roots)]
    while waiting:
        index, depth = waiting.pop()
        operator = vertex.operators[index]
        yield ("   " * (depth - 1) + "+- " if depth else "") + (operator.description or operator.name)
        waiting += [(child, depth + 1) for child in reversed(children.get(index, []))]
