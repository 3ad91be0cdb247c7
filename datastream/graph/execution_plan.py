"""The plan of a job: as JSON in the form that Flink's plan visualizer reads, and as a text to read.

Beside Flink's fields both say how the records of each edge are sent, and where that costs more than it has to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from millstream.common.graph.operator_spec import FlatMapSpec
from millstream.common.typeinfo import TypeInformation
from millstream.common.typeinfo.wire_form import packed_in_columns
from millstream.datastream.graph.chaining import is_chainable
from millstream.datastream.graph.edge_types import edge_type_of
from millstream.datastream.graph.stream_graph import StreamEdge, StreamGraph, StreamNode
from millstream.datastream.type_extraction import extract_output_type

__all__ = ["execution_plan", "explain"]

_CHAINED = "none (chained)"
_PICKLE = "pickle"
_COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class _Sending:
    """How the records of an edge are sent.

    :ivar serializer: ``none (chained)``, ``columns`` or ``pickle``.
    :ivar type_info: the declared type; ``None``: any objects.
    :ivar warning: what it costs that a type is not declared; empty: nothing.
    """

    serializer: str
    type_info: TypeInformation | None
    warning: str


def execution_plan(graph: StreamGraph) -> str:
    """``{"nodes": [{id, type, pact, contents, parallelism, predecessors: [{id, ship_strategy, side, ...}]}]}``, inputs
    before what reads them.

    Of a predecessor, ``serializer`` is ``none (chained)``, ``columns`` or ``pickle``; ``record_type`` the declared type
    of the records, if there is one; ``warning`` says what it costs that there is none.
    """
    nodes = [_node(node, graph) for node in graph.nodes.values()]
    return json.dumps({"nodes": nodes}, indent=2, ensure_ascii=False)


def _node(node: StreamNode, graph: StreamGraph) -> dict[str, Any]:
    plan: dict[str, Any] = {
        "id": node.id,
        "type": node.name,
        "pact": {"source": "Data Source", "sink": "Data Sink"}.get(node.operator.kind, "Operator"),
        "contents": node.operator.description or node.name,
        "parallelism": node.parallelism,
    }
    if node.in_edges:
        plan["predecessors"] = [_predecessor(edge, graph) for edge in node.in_edges]
    return plan


def _predecessor(edge: StreamEdge, graph: StreamGraph) -> dict[str, Any]:
    sending = _sending(edge, graph)
    plan: dict[str, Any] = {
        "id": edge.source.id,
        "ship_strategy": edge.partitioner,
        "side": "second",
        "serializer": sending.serializer,
    }
    if sending.type_info is not None:
        plan["record_type"] = str(sending.type_info)
    if sending.warning:
        plan["warning"] = sending.warning
    return plan


def explain(graph: StreamGraph) -> str:
    """The plan as a text: a paragraph per operator, then the warnings."""
    lines = [f"Job {graph.job_name!r}", ""]
    warnings: list[str] = []
    for node in graph.nodes.values():
        lines.append(f"{node.id}: {node.name} (parallelism {node.parallelism})")
        for edge in node.in_edges:
            sending = _sending(edge, graph)
            tag = f", side output {edge.output_tag!r}" if edge.output_tag else ""
            lines.append(f"    <- {edge.source.id}: {edge.source.name}, {edge.partitioner}{tag}: {_described(sending)}")
            if sending.warning:
                warnings.append(f"{edge.source.name} -> {node.name}: {sending.warning}")
    if warnings:
        lines += ["", "Warnings"]
        lines += [f"  {warning}" for warning in dict.fromkeys(warnings)]
    return "\n".join(lines) + "\n"


def _described(sending: _Sending) -> str:
    records = "any objects" if sending.type_info is None else str(sending.type_info)
    if sending.serializer == _CHAINED:
        return f"{records}, handed over in the same task"
    return f"{records}, {'packed by columns' if sending.serializer == _COLUMNS else 'pickled'}"


def _sending(edge: StreamEdge, graph: StreamGraph) -> _Sending:
    edge_type = edge_type_of(edge)
    type_info = None if edge_type is None else edge_type.type_info
    if is_chainable(edge, graph):
        return _Sending(_CHAINED, type_info, "")
    if type_info is not None:
        return _Sending(_COLUMNS if packed_in_columns(type_info) else _PICKLE, type_info, "")
    # Without a shuffle, records most often stay in their slot, where nothing is serialized; and splits are few.
    stays = edge.partitioner in ("FORWARD", "SPLITS") or edge.source.parallelism == edge.target.parallelism == 1
    return _Sending(_PICKLE, None, "" if stays else _advice(edge))


def _advice(edge: StreamEdge) -> str:
    """What to declare. Only a hint: annotations may say less than what the function really returns."""
    cost = f"records of any type are pickled to be sent ({edge.partitioner})"
    if edge.output_tag:
        return f"{cost}; give the OutputTag {edge.output_tag!r} a type"
    found = next(_annotated(edge.source.operator.spec), None)
    if found is None:
        return f"{cost}; an output_type makes them smaller, if they have one type"
    if not packed_in_columns(found):
        return ""  # declaring it would change nothing
    return f"{cost}; by its annotations the function gives {found}: declare it (output_type=...) to send less"


def _annotated(spec: Any) -> Iterator[TypeInformation]:
    for attribute in ("window_function", "function"):
        function = getattr(spec, attribute, None)
        if function is not None:
            found = extract_output_type(function, several=True if isinstance(spec, FlatMapSpec) else None)
            if found is not None:
                yield found
