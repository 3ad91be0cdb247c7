"""What a job is at another parallelism (``modify -p N``): every vertex that can run at it, does.

Some cannot run but at parallelism 1: sources that read one thing, windows over all records, whatever has max
parallelism 1. They stay as they are, and with them those that a forward edge ties to them: such an edge needs one
parallelism at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.errors import MillstreamError
from millstream.common.wire.graph_pb2 import JobGraph, JobVertex

__all__ = ["RescalingError", "forward_ties", "is_fixed", "rescaled", "slots_needed"]


class RescalingError(MillstreamError):
    """The job cannot run at this parallelism."""


def rescaled(graph: JobGraph, parallelism: int) -> JobGraph:
    """Return the job at another parallelism.

    :raises RescalingError: it cannot run at it, or none of it would change.
    """
    if parallelism < 1:
        raise RescalingError(f"The parallelism must be at least 1, not {parallelism}.")
    result = JobGraph()
    result.CopyFrom(graph)
    fixed = _fixed(result)
    changing = [vertex for vertex in result.vertices if vertex.id not in fixed]
    if not changing:
        raise RescalingError(
            f"Job {graph.name!r} cannot be rescaled: none of its operators can run but at parallelism 1."
        )
    for vertex in changing:
        if parallelism > vertex.max_parallelism:
            raise RescalingError(
                f"Job {graph.name!r} cannot run at parallelism {parallelism}: the max parallelism of {vertex.name!r} "
                f"is {vertex.max_parallelism}. It is part of the job's state; a new job can be given a larger one "
                "(set_max_parallelism)."
            )
    if all(vertex.parallelism == parallelism for vertex in changing):
        raise RescalingError(f"Job {graph.name!r} runs at parallelism {parallelism} already.")
    for vertex in changing:
        vertex.parallelism = parallelism
        vertex.lower_bound = vertex.upper_bound = 0  # what was asked for earlier is overruled
    return result


def slots_needed(graph: JobGraph) -> int:
    """Return how many slots the job needs: for each slot sharing group as many as its widest vertex has subtasks."""
    widest: dict[str, int] = {}
    for vertex in graph.vertices:
        group = vertex.slot_sharing_group or "default"
        widest[group] = max(widest.get(group, 0), vertex.parallelism)
    return sum(widest.values())


def _fixed(graph: JobGraph) -> set[str]:
    fixed = {vertex.id for vertex in graph.vertices if is_fixed(vertex)}
    tied = list(forward_ties(graph))
    spreading = True
    while spreading:
        spreading = False
        for one, other in tied:
            if (one in fixed) != (other in fixed):
                fixed |= {one, other}
                spreading = True
    return fixed


def is_fixed(vertex: JobVertex) -> bool:
    """Whether the vertex cannot run but at parallelism 1."""
    return vertex.non_parallel or vertex.max_parallelism == 1


def forward_ties(graph: JobGraph) -> Iterator[tuple[str, str]]:
    """The pairs of vertices that need the same parallelism, by their ids."""
    for edge in graph.edges:
        if edge.partitioner.kind == "FORWARD":
            yield edge.source_vertex, edge.target_vertex
