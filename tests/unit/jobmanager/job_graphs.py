"""Small JobGraphs for the tests of the master."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from millstream.common.ids import IdFactory
from millstream.common.wire.graph_pb2 import JobEdge, JobGraph, JobVertex, OperatorNode, Partitioner
from millstream.jobmanager.execution_graph import ExecutionGraph

__all__ = ["execution_graph", "job_graph", "vertex"]


def vertex(name: str, parallelism: int = 1, group: str = "default", co_location: str = "") -> JobVertex:
    """Return a vertex of one operator; its id is its name filled up to 32 characters."""
    return JobVertex(
        id=name.ljust(32, "0"),
        name=name,
        parallelism=parallelism,
        max_parallelism=128,
        slot_sharing_group=group,
        co_location_group=co_location,
        operators=[OperatorNode(operator_id=name.ljust(32, "0"), name=name, kind="map")],
    )


def job_graph(
    vertices: Sequence[JobVertex],
    edges: Sequence[tuple[str, str, str]] = (),
    configuration: Mapping[str, str] | None = None,
    name: str = "job",
    job_id: str = "a" * 32,
) -> JobGraph:
    """Return a graph; edges are (source name, target name, partitioner)."""
    return JobGraph(
        job_id=job_id,
        name=name,
        vertices=vertices,
        edges=[
            JobEdge(
                edge_id=f"{index:032x}",
                source_vertex=source.ljust(32, "0"),
                target_vertex=target.ljust(32, "0"),
                partitioner=Partitioner(kind=kind),
            )
            for index, (source, target, kind) in enumerate(edges)
        ],
        configuration=configuration or {},
    )


def execution_graph(graph: JobGraph, history_size: int = 16) -> ExecutionGraph:
    """Return the graph unrolled, with reproducible ids, at the time 0."""
    return ExecutionGraph(graph, IdFactory(random.Random(7)), history_size, 0)
