"""Pipelined regions: which subtasks can only run, fail and start anew together.

Data on a pipelined edge is gone once it is sent, so subtasks that such edges join, directly or through others, form a
region: if one of them fails, all of them start anew, and nobody else needs to.
"""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.ids import VertexId
from millstream.common.wire.graph_pb2 import JobEdge
from millstream.jobmanager.execution_graph.execution_graph import ExecutionGraph
from millstream.jobmanager.execution_graph.execution_vertex_id import ExecutionVertexID

__all__ = ["PipelinedRegion", "pipelined_regions"]


class PipelinedRegion:
    """Some subtasks, and the regions that read from them over edges that are not pipelined.

    :ivar vertices: the members.
    :ivar consumers: regions downstream, which depend on this one's results.
    """

    __slots__ = ("consumers", "vertices")

    def __init__(self, vertices: frozenset[ExecutionVertexID]) -> None:
        self.vertices = vertices
        self.consumers: list[PipelinedRegion] = []


def _every_edge(_: JobEdge) -> bool:
    return True


def pipelined_regions(
    graph: ExecutionGraph, is_pipelined: Callable[[JobEdge], bool] = _every_edge
) -> dict[ExecutionVertexID, PipelinedRegion]:
    """Return each subtask's region.

    :param is_pipelined: which edges join their ends into one region; all of them in a streaming job.
    """
    parent = {vertex.id: vertex.id for vertex in graph.vertices()}

    def find(vertex: ExecutionVertexID) -> ExecutionVertexID:
        while parent[vertex] != vertex:
            parent[vertex] = parent[parent[vertex]]
            vertex = parent[vertex]
        return vertex

    for job_vertex in graph.job_vertices.values():
        for edge in graph.inputs[job_vertex.id]:
            if is_pipelined(edge):
                for producer, consumer in _joined(graph, edge):
                    parent[find(producer)] = find(consumer)
    members: dict[ExecutionVertexID, set[ExecutionVertexID]] = {}
    for vertex in parent:
        members.setdefault(find(vertex), set()).add(vertex)
    regions = {root: PipelinedRegion(frozenset(vertices)) for root, vertices in members.items()}
    by_vertex = {vertex: regions[find(vertex)] for vertex in parent}
    for job_vertex in graph.job_vertices.values():
        for edge in graph.inputs[job_vertex.id]:
            if not is_pipelined(edge):
                for producer, consumer in _joined(graph, edge):
                    upstream, downstream = by_vertex[producer], by_vertex[consumer]
                    if downstream is not upstream and downstream not in upstream.consumers:
                        upstream.consumers.append(downstream)
    return by_vertex


def _joined(graph: ExecutionGraph, edge: JobEdge) -> list[tuple[ExecutionVertexID, ExecutionVertexID]]:
    wiring = graph.wiring(edge.edge_id)
    source, target = VertexId(edge.source_vertex), VertexId(edge.target_vertex)
    return [
        (producer.id, ExecutionVertexID(target, consumer))
        for producer in graph.job_vertices[source].subtasks
        for consumer in wiring.consumers_of_producer(producer.id.subtask_index)
    ]
