"""Puts the enumerators of sources into the stream graph: each is a node in front of its source's readers.

A program knows only the source. What divides its input is an operator of its own, at parallelism 1, whose records are
the splits: so checkpoints keep the two consistent. It shares the readers' slots, and its id follows from theirs.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.graph.operator_spec import EnumeratorSpec, SourceSpec
from millstream.datastream.graph.stream_graph import StreamEdge, StreamNode
from millstream.datastream.source import has_enumerator
from millstream.datastream.transformation import OperatorTransformation

__all__ = ["with_enumerators"]

_AT_ONCE_MS = 0
_SUFFIX = "-enumerator"


def with_enumerators(nodes: Iterable[StreamNode], max_parallelism: int) -> list[StreamNode]:
    """Return the nodes, each reader that needs one behind its enumerator.

    :param max_parallelism: that of the enumerators.
    """
    nodes = list(nodes)
    next_id = max((node.id for node in nodes), default=0) + 1
    result: list[StreamNode] = []
    for node in nodes:
        spec = node.operator.spec
        if isinstance(spec, SourceSpec) and has_enumerator(spec.source):
            result.append(_enumerator(node, spec, next_id, max_parallelism))
            next_id += 1
        result.append(node)
    return result


def _enumerator(reader: StreamNode, spec: SourceSpec, node_id: int, max_parallelism: int) -> StreamNode:
    of_reader = reader.operator
    operator = OperatorTransformation(
        node_id,
        "source",
        f"{of_reader.name} (enumerator)",
        EnumeratorSpec(spec.source),
        (),
        of_reader.call_site,
        parallelism=1,
        non_parallel=True,
        uid=of_reader.uid and of_reader.uid + _SUFFIX,
    )
    node = StreamNode(node_id, operator, 1, max_parallelism, False, reader.slot_sharing_group, enumerates_for=reader)
    edge = StreamEdge(node, reader, "SPLITS", None, of_reader.call_site, _AT_ONCE_MS)
    node.out_edges.append(edge)
    reader.in_edges.append(edge)
    return node
