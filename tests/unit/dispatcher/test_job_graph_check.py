"""What the Dispatcher refuses before it starts anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from millstream.common.errors import InvalidProgramError
from millstream.common.wire.graph_pb2 import (
    Artifact,
    ChainInput,
    JobEdge,
    JobGraph,
    JobVertex,
    OperatorNode,
    Partitioner,
)
from millstream.dispatcher.job_graph_check import check_job_graph


def hex_id(number: int) -> str:
    return f"{number:032x}"


def graph() -> JobGraph:
    return JobGraph(
        job_id=hex_id(4711),
        name="word count",
        vertices=[
            JobVertex(
                id=hex_id(1),
                name="Source: lines -> split",
                parallelism=2,
                max_parallelism=128,
                operators=[
                    OperatorNode(operator_id=hex_id(1), name="lines", spec=b"x"),
                    OperatorNode(operator_id=hex_id(2), name="split", spec=b"x", inputs=[ChainInput(parent=0)]),
                ],
            ),
            JobVertex(
                id=hex_id(3),
                name="count",
                parallelism=4,
                max_parallelism=128,
                operators=[OperatorNode(operator_id=hex_id(3), name="count", spec=b"x")],
            ),
        ],
        edges=[
            JobEdge(
                edge_id=hex_id(1),
                source_vertex=hex_id(1),
                source_operator=1,
                target_vertex=hex_id(3),
                partitioner=Partitioner(kind="HASH", spec=b"x"),
                buffer_timeout_ms=100,
            )
        ],
        artifacts=[Artifact(name="helpers.py", kind="py", sha256="ab" * 32, content=b"")],
    )


def test_a_sound_graph_passes() -> None:
    assert check_job_graph(graph()) == hex_id(4711)


def set_id(g: JobGraph) -> None:
    g.job_id = "word-count"


def upper_id(g: JobGraph) -> None:
    g.job_id = "A" * 32


def no_vertices(g: JobGraph) -> None:
    del g.vertices[:]


def twin_vertices(g: JobGraph) -> None:
    g.vertices[1].id = g.vertices[0].id


def twin_operators(g: JobGraph) -> None:
    g.vertices[1].operators[0].operator_id = hex_id(1)


def bad_vertex_id(g: JobGraph) -> None:
    g.vertices[0].id = "lines"


def no_parallelism(g: JobGraph) -> None:
    g.vertices[0].parallelism = 0


def no_max_parallelism(g: JobGraph) -> None:
    g.vertices[0].max_parallelism = -1


def huge_max_parallelism(g: JobGraph) -> None:
    g.vertices[0].max_parallelism = 32769


def too_parallel(g: JobGraph) -> None:
    g.vertices[1].parallelism = 129


def no_operators(g: JobGraph) -> None:
    del g.vertices[1].operators[:]


def no_payload(g: JobGraph) -> None:
    g.vertices[1].operators[0].spec = b""


def bad_operator_id(g: JobGraph) -> None:
    g.vertices[1].operators[0].operator_id = "count"


def head_with_input(g: JobGraph) -> None:
    g.vertices[0].operators[0].inputs.add()


def orphan_in_chain(g: JobGraph) -> None:
    del g.vertices[0].operators[1].inputs[:]


def late_parent(g: JobGraph) -> None:
    g.vertices[0].operators[1].inputs[0].parent = 1


def third_chain_input(g: JobGraph) -> None:
    g.vertices[0].operators[1].inputs[0].input_index = 2


def edge_to_nowhere(g: JobGraph) -> None:
    g.edges[0].target_vertex = hex_id(9)


def edge_backwards(g: JobGraph) -> None:
    g.edges[0].source_vertex, g.edges[0].target_vertex = hex_id(3), hex_id(1)


def edge_to_itself(g: JobGraph) -> None:
    g.edges[0].target_vertex = hex_id(1)


def twin_edges(g: JobGraph) -> None:
    g.edges.append(g.edges[0])


def wrong_source_operator(g: JobGraph) -> None:
    g.edges[0].source_operator = 2


def third_input(g: JobGraph) -> None:
    g.edges[0].target_input = 2


def unknown_partitioner(g: JobGraph) -> None:
    g.edges[0].partitioner.kind = "MAGIC"


def hash_without_key(g: JobGraph) -> None:
    g.edges[0].partitioner.spec = b""


def uneven_forward(g: JobGraph) -> None:
    g.edges[0].partitioner.kind = "FORWARD"


def bad_timeout(g: JobGraph) -> None:
    g.edges[0].buffer_timeout_ms = -2


def artifact_kind(g: JobGraph) -> None:
    g.artifacts[0].kind = "exe"


def artifact_path(g: JobGraph) -> None:
    g.artifacts[0].name = "../helpers.py"


def archive_directory(g: JobGraph) -> None:
    g.artifacts[0].kind = "archive"
    g.artifacts[0].target_dir = "../data"


def artifact_checksum(g: JobGraph) -> None:
    g.artifacts[0].sha256 = "abc"


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (set_id, "'word-count' is not 32 hexadecimal digits"),
        (upper_id, "lower case"),
        (no_vertices, "it has no vertices"),
        (twin_vertices, "two vertices have the id"),
        (twin_operators, "two operators have the id"),
        (bad_vertex_id, r"vertex 'Source: lines -> split' \(lines\): the id is not 32 hexadecimal"),
        (no_parallelism, "parallelism 0 is less than 1"),
        (no_max_parallelism, "max parallelism -1 is not in 1 to 32768"),
        (huge_max_parallelism, "max parallelism 32769 is not in"),
        (too_parallel, "vertex 'count' .*parallelism 129 is greater than max parallelism 128"),
        (no_operators, "has no operators"),
        (no_payload, "operator 'count' has no payload"),
        (bad_operator_id, "the id 'count' is not 32"),
        (head_with_input, "operator 'lines' is the chain's head but takes input"),
        (orphan_in_chain, "operator 'split' has no input"),
        (late_parent, "its parent 1 does not come before it"),
        (third_chain_input, "input 2"),
        (edge_to_nowhere, "which is not in the graph"),
        (edge_backwards, "runs backwards"),
        (edge_to_itself, "runs backwards"),
        (twin_edges, "there twice"),
        (wrong_source_operator, "operator 2 is not among the source's 2"),
        (third_input, "input 2"),
        (unknown_partitioner, "unknown partitioner 'MAGIC'"),
        (hash_without_key, "HASH has no payload"),
        (uneven_forward, "forward needs one parallelism on both sides, not 2 and 4"),
        (bad_timeout, "buffer timeout -2 ms"),
        (artifact_kind, "kind 'exe'"),
        (artifact_path, "must be a base name"),
        (archive_directory, "'../data' is not the plain name of a directory"),
        (artifact_checksum, "SHA-256"),
    ],
)
def test_a_broken_graph_is_refused(spoil: Callable[[JobGraph], None], problem: str) -> None:
    broken = graph()
    spoil(broken)
    with pytest.raises(InvalidProgramError, match=problem) as caught:
        check_job_graph(broken)
    assert "Job 'word count'" in str(caught.value)
