"""From the stream graph to the JobGraph: operators are put into chains, user functions are pickled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from millstream.common.ids import JobID, OperatorId
from millstream.common.wire import graph_pb2
from millstream.datastream.graph.chaining import is_chainable
from millstream.datastream.graph.edge_types import edge_type_of
from millstream.datastream.graph.execution_plan import execution_plan
from millstream.datastream.graph.operator_ids import operator_ids
from millstream.datastream.graph.payloads import pickle_operator, pickle_partitioner, pickle_type
from millstream.datastream.graph.stream_graph import StreamEdge, StreamGraph, StreamNode

__all__ = ["generate_job_graph"]

_LONGEST_NAME = 1000
"""Flink cuts vertex names in the same way; a chain of hundreds of operators is not readable anyhow."""


@dataclass(slots=True)
class _Chain:
    """A vertex in the making.

    :ivar members: parents before children.
    :ivar edges: chained edges by the id of their target.
    """

    head: StreamNode
    members: list[StreamNode] = field(default_factory=list)
    edges: dict[int, StreamEdge] = field(default_factory=dict)


def generate_job_graph(
    graph: StreamGraph,
    job_id: JobID,
    configuration: Mapping[str, str],
    artifacts: Iterable[graph_pb2.Artifact] = (),
    python_path: Iterable[str] = (),
) -> graph_pb2.JobGraph:
    """Translate a stream graph.

    :param configuration: the job's own settings.
    :raises InvalidProgramError: a function cannot be pickled.
    """
    ids = operator_ids(graph)
    job_graph = graph_pb2.JobGraph(
        job_id=job_id,
        name=graph.job_name,
        configuration=dict(configuration),
        artifacts=artifacts,
        python_path=python_path,
        plan_json=execution_plan(graph),
    )
    place: dict[int, tuple[str, int]] = {}
    for chain in _chains(graph):
        vertex_id = ids[chain.head.id]
        for index, member in enumerate(chain.members):
            place[member.id] = (vertex_id, index)
        job_graph.vertices.append(_vertex(chain, ids))
    for node in graph.nodes.values():
        for index, edge in enumerate(node.in_edges):
            if not is_chainable(edge, graph):
                job_graph.edges.append(_edge(edge, index, ids, place))
    return job_graph


def _chains(graph: StreamGraph) -> list[_Chain]:
    """The chains, each before those that read from it."""
    chains: dict[int, _Chain] = {}
    of_node: dict[int, _Chain] = {}
    for node in graph.nodes.values():
        edge = node.in_edges[0] if node.in_edges else None
        if edge is not None and is_chainable(edge, graph):
            chain = of_node[edge.source.id]
            chain.edges[node.id] = edge
        else:
            chain = chains[node.id] = _Chain(node)
        chain.members.append(node)
        of_node[node.id] = chain
    return list(chains.values())


def _vertex(chain: _Chain, ids: Mapping[int, OperatorId]) -> graph_pb2.JobVertex:
    index_of = {member.id: index for index, member in enumerate(chain.members)}
    vertex = graph_pb2.JobVertex(
        id=ids[chain.head.id],
        name=_chain_name(chain),
        parallelism=chain.head.parallelism,
        max_parallelism=chain.head.max_parallelism,
        max_parallelism_set=any(member.max_parallelism_set for member in chain.members),
        non_parallel=any(member.operator.non_parallel for member in chain.members),
        slot_sharing_group=chain.head.slot_sharing_group,
        co_location_group=chain.head.operator.co_location_group,
    )
    for member in chain.members:
        operator = member.operator
        node = vertex.operators.add(
            operator_id=ids[member.id],
            uid=operator.uid,
            name=operator.name,
            description=operator.description or member.name,
            spec=pickle_operator(operator),
            kind=operator.kind,
        )
        edge = chain.edges.get(member.id)
        if edge is not None:
            node.inputs.add(parent=index_of[edge.source.id], output_tag=edge.output_tag, input_index=edge.input_index)
    return vertex


def _chain_name(chain: _Chain) -> str:
    """``Source: a -> b -> (c, Sink: d)``."""
    names: dict[int, str] = {}
    for member in reversed(chain.members):
        below = [names[edge.target.id] for edge in member.out_edges if chain.edges.get(edge.target.id) is edge]
        if not below:
            names[member.id] = member.name
        elif len(below) == 1:
            names[member.id] = f"{member.name} -> {below[0]}"
        else:
            names[member.id] = f"{member.name} -> ({', '.join(below)})"
    name = names[chain.head.id]
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


def _edge(
    edge: StreamEdge, index: int, ids: Mapping[int, OperatorId], place: Mapping[int, tuple[str, int]]
) -> graph_pb2.JobEdge:
    source_vertex, source_operator = place[edge.source.id]
    target_vertex, _ = place[edge.target.id]
    partitioner = graph_pb2.Partitioner(kind=edge.partitioner)
    if edge.spec is not None:
        partitioner.spec = pickle_partitioner(edge)
    edge_type = edge_type_of(edge)
    return graph_pb2.JobEdge(
        edge_id=_edge_id(ids[edge.source.id], ids[edge.target.id], index),
        source_vertex=source_vertex,
        source_operator=source_operator,
        output_tag=edge.output_tag,
        target_vertex=target_vertex,
        target_input=edge.input_index,
        partitioner=partitioner,
        buffer_timeout_ms=edge.buffer_timeout,
        type_info=b"" if edge_type is None else pickle_type(edge_type),
    )


def _edge_id(source: OperatorId, target: OperatorId, index: int) -> str:
    return hashlib.blake2b(f"{source}\0{target}\0{index}".encode(), digest_size=16).hexdigest()
