"""Refuses JobGraphs that cannot be run, before anything is started for them.

Clients build sound graphs; what is caught here are foreign clients, other versions and broken transfers. Only the
structure is looked at: payloads are opaque and are never unpickled in a master.
"""

from __future__ import annotations

import re
from typing import Final

from millstream.common.archive import is_plain_name
from millstream.common.errors import InvalidProgramError
from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import Artifact, JobEdge, JobGraph, JobVertex

__all__ = ["MAX_PARALLELISM_LIMIT", "check_job_graph"]

MAX_PARALLELISM_LIMIT: Final = 1 << 15
PARTITIONERS: Final = frozenset(
    {"FORWARD", "HASH", "REBALANCE", "RESCALE", "SHUFFLE", "BROADCAST", "GLOBAL", "CUSTOM", "SPLITS"}
)
_WITH_SPEC: Final = frozenset({"HASH", "CUSTOM"})
_ID: Final = re.compile(r"[0-9a-f]{32}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class _Check:
    """One pass over one graph; the first problem ends it."""

    def __init__(self, graph: JobGraph) -> None:
        self._graph = graph
        self._title = f"Job {graph.name!r} ({graph.job_id or 'no id'})"

    def run(self) -> JobID:
        job_id = self._job_id()
        if not self._graph.vertices:
            self._refuse("it has no vertices; a job needs at least a source")
        position: dict[str, int] = {}
        operators: set[str] = set()
        for index, vertex in enumerate(self._graph.vertices):
            self._vertex(vertex)
            if vertex.id in position:
                self._refuse(f"two vertices have the id {vertex.id}")
            position[vertex.id] = index
            for operator in vertex.operators:
                if operator.operator_id in operators:
                    self._refuse(f"two operators have the id {operator.operator_id}; give each its own uid")
                operators.add(operator.operator_id)
        edges: set[str] = set()
        for edge in self._graph.edges:
            if not edge.edge_id or edge.edge_id in edges:
                self._refuse(f"edge id {edge.edge_id!r} is empty or there twice")
            edges.add(edge.edge_id)
            self._edge(edge, position)
        for artifact in self._graph.artifacts:
            self._artifact(artifact)
        return job_id

    def _refuse(self, problem: str) -> None:
        raise InvalidProgramError(
            f"{self._title} is refused: {problem}. (Do client and cluster run the same version of Millstream?)"
        )

    def _job_id(self) -> JobID:
        try:
            job_id = JobID.parse(self._graph.job_id)
        except ValueError as error:
            raise InvalidProgramError(f"{self._title} is refused: {error}.") from None
        if job_id != self._graph.job_id:
            self._refuse("its id is not written in lower case hexadecimal digits")
        return job_id

    def _vertex(self, vertex: JobVertex) -> None:
        what = f"vertex {vertex.name!r} ({vertex.id})"
        if not _ID.fullmatch(vertex.id):
            self._refuse(f"{what}: the id is not 32 hexadecimal digits")
        if vertex.parallelism < 1:
            self._refuse(f"{what}: parallelism {vertex.parallelism} is less than 1")
        if not 1 <= vertex.max_parallelism <= MAX_PARALLELISM_LIMIT:
            self._refuse(f"{what}: max parallelism {vertex.max_parallelism} is not in 1 to {MAX_PARALLELISM_LIMIT}")
        if vertex.parallelism > vertex.max_parallelism:
            self._refuse(
                f"{what}: parallelism {vertex.parallelism} is greater than max parallelism {vertex.max_parallelism}"
            )
        if not vertex.operators:
            self._refuse(f"{what} has no operators")
        for index, operator in enumerate(vertex.operators):
            which = f"{what}: operator {operator.name!r}"
            if not _ID.fullmatch(operator.operator_id):
                self._refuse(f"{which}: the id {operator.operator_id!r} is not 32 hexadecimal digits")
            if not operator.spec:
                self._refuse(f"{which} has no payload")
            if index == 0 and operator.inputs:
                self._refuse(f"{which} is the chain's head but takes input from within the chain")
            if index > 0 and not operator.inputs:
                self._refuse(f"{which} has no input")
            for chain_input in operator.inputs:
                if not 0 <= chain_input.parent < index:
                    self._refuse(f"{which}: its parent {chain_input.parent} does not come before it in the chain")
                self._input_index(which, chain_input.input_index)

    def _edge(self, edge: JobEdge, position: dict[str, int]) -> None:
        what = f"edge {edge.edge_id}"
        for end in (edge.source_vertex, edge.target_vertex):
            if end not in position:
                self._refuse(f"{what} ends at vertex {end!r}, which is not in the graph")
        if position[edge.source_vertex] >= position[edge.target_vertex]:
            self._refuse(f"{what} runs backwards: the vertices form a cycle or are not in topological order")
        source = self._graph.vertices[position[edge.source_vertex]]
        target = self._graph.vertices[position[edge.target_vertex]]
        what = f"edge from {source.name!r} to {target.name!r}"
        if not 0 <= edge.source_operator < len(source.operators):
            self._refuse(f"{what}: operator {edge.source_operator} is not among the source's {len(source.operators)}")
        self._input_index(what, edge.target_input)
        kind = edge.partitioner.kind
        if kind not in PARTITIONERS:
            self._refuse(f"{what}: unknown partitioner {kind!r}, known are {', '.join(sorted(PARTITIONERS))}")
        if kind in _WITH_SPEC and not edge.partitioner.spec:
            self._refuse(f"{what}: partitioner {kind} has no payload")
        if kind == "FORWARD" and source.parallelism != target.parallelism:
            self._refuse(
                f"{what}: forward needs one parallelism on both sides, not {source.parallelism} and "
                f"{target.parallelism}; use rebalance"
            )
        if edge.buffer_timeout_ms < -1:
            self._refuse(f"{what}: buffer timeout {edge.buffer_timeout_ms} ms; the least is -1 (only full buffers)")

    def _input_index(self, what: str, index: int) -> None:
        if index not in (0, 1):
            self._refuse(f"{what}: input {index}; an operator has the inputs 0 and 1 at most")

    def _artifact(self, artifact: Artifact) -> None:
        what = f"file {artifact.name!r}"
        if artifact.kind not in ("py", "zip", "archive"):
            self._refuse(f"{what} is of kind {artifact.kind!r}, not py, zip or archive")
        if artifact.kind == "archive" and not is_plain_name(artifact.target_dir):
            self._refuse(f"{what}: {artifact.target_dir!r} is not the plain name of a directory to unpack it into")
        if not artifact.name or "/" in artifact.name or "\\" in artifact.name or artifact.name in (".", ".."):
            self._refuse(f"{what}: a file's name must be a base name")
        if not _SHA256.fullmatch(artifact.sha256):
            self._refuse(f"{what} has no SHA-256 checksum")


def check_job_graph(graph: JobGraph) -> JobID:
    """Return the graph's job id.

    :raises InvalidProgramError: the graph cannot be run; the message names the vertex, operator or edge.
    """
    return _Check(graph).run()
