"""The declared types of edges, and whether the records on them are sure to be of these types."""

from __future__ import annotations

from millstream.common.graph.edge_type import EdgeType
from millstream.common.graph.operator_spec import AggregateSpec, FilterSpec, SourceSpec, TimestampsSpec
from millstream.common.typeinfo import PickledBytesTypeInfo, TypeInformation
from millstream.datastream.collection_source import CollectionSource
from millstream.datastream.graph.stream_graph import StreamEdge, StreamNode

__all__ = ["edge_type_of"]

_PASSING = (FilterSpec, TimestampsSpec)
"""Specs of operators whose results are their input's records."""


def edge_type_of(edge: StreamEdge) -> EdgeType | None:
    """The type of an edge; ``None``: any objects."""
    type_info = edge.type_info
    if type_info is None or isinstance(type_info, PickledBytesTypeInfo):
        return None
    # What comes out with a tag has been converted to that tag's type; the program may read it with another tag's.
    converted = not edge.output_tag and _converts(edge.source)
    return EdgeType(type_info, edge.source.name, converted)


def _converts(node: StreamNode) -> bool:
    """Whether all records that a node gives are of its declared type."""
    while isinstance(node.operator.spec, _PASSING):
        if len(node.in_edges) != 1:
            return False
        (edge,) = node.in_edges
        if edge.output_tag or edge.type_info != node.operator.output_type:
            return False
        node = edge.source
    spec, declared = node.operator.spec, node.operator.output_type
    if isinstance(spec, SourceSpec) and isinstance(spec.source, CollectionSource):
        return spec.source.element_type == declared or spec.output_type == declared
    if isinstance(spec, AggregateSpec) and spec.kind != "sum":
        # The results are records of the input.
        return len(node.in_edges) == 1 and node.in_edges[0].type_info == declared and _converts(node.in_edges[0].source)
    converted_to: TypeInformation | None = getattr(spec, "output_type", None)
    return converted_to is not None and converted_to == declared
