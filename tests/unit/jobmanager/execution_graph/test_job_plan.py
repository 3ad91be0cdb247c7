"""The job graph as it is drawn."""

from __future__ import annotations

from millstream.common.wire.graph_pb2 import ChainInput, JobVertex, OperatorNode
from millstream.jobmanager.execution_graph.job_plan import plan_nodes
from tests.unit.jobmanager.job_graphs import job_graph, vertex


def _chain(name: str, *operators: tuple[str, str, list[int]]) -> JobVertex:
    result = vertex(name, 2)
    del result.operators[:]
    result.operators.extend(
        OperatorNode(name=each, description=description, inputs=[ChainInput(parent=parent) for parent in parents])
        for each, description, parents in operators
    )
    return result


def test_a_node_for_each_vertex_and_an_arrow_for_each_edge() -> None:
    nodes = plan_nodes(
        job_graph(
            [vertex("left", 3), vertex("right"), vertex("join", 2)],
            [("right", "join", "BROADCAST"), ("left", "join", "HASH")],
        )
    )
    assert [(node.vertex_id[:5], node.parallelism) for node in nodes] == [("left0", 3), ("right", 1), ("join0", 2)]
    assert [len(node.inputs) for node in nodes] == [0, 0, 2]
    assert [(each.vertex_id[:5], each.ship_strategy, each.exchange) for each in nodes[2].inputs] == [
        ("right", "BROADCAST", "pipelined_bounded"),
        ("left0", "HASH", "pipelined_bounded"),
    ]


def test_chained_operators_stand_below_the_one_that_they_read_from() -> None:
    (node,) = plan_nodes(
        job_graph(
            [
                _chain(
                    "chain",
                    ("source", "Source: numbers", []),
                    ("map", "", [0]),
                    ("filter", "", [0]),
                    ("sink", "Sink: print", [1]),
                )
            ]
        )
    )
    assert node.description.split("\n") == ["Source: numbers", "+- map", "   +- Sink: print", "+- filter"]


def test_chained_streams_that_meet_again_are_drawn_once() -> None:
    (node,) = plan_nodes(job_graph([_chain("u", ("a", "", []), ("b", "", [0]), ("c", "", [0]), ("d", "", [1, 2]))]))
    assert node.description.split("\n") == ["a", "+- b", "   +- d", "+- c"]
