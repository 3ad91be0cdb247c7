"""The plan of a job as JSON, in the form that Flink's plan visualizer reads."""

from __future__ import annotations

import json
from typing import Any

from millstream.datastream.graph.stream_graph import StreamGraph, StreamNode

__all__ = ["execution_plan"]


def execution_plan(graph: StreamGraph) -> str:
    """``{"nodes": [{id, type, pact, contents, parallelism, predecessors: [{id, ship_strategy, side}]}]}``, inputs
    before what reads them.
    """
    return json.dumps({"nodes": [_node(node) for node in graph.nodes.values()]}, indent=2, ensure_ascii=False)


def _node(node: StreamNode) -> dict[str, Any]:
    plan: dict[str, Any] = {
        "id": node.id,
        "type": node.name,
        "pact": {"source": "Data Source", "sink": "Data Sink"}.get(node.operator.kind, "Operator"),
        "contents": node.operator.description or node.name,
        "parallelism": node.parallelism,
    }
    if node.in_edges:
        plan["predecessors"] = [
            {"id": edge.source.id, "ship_strategy": edge.partitioner, "side": "second"} for edge in node.in_edges
        ]
    return plan
