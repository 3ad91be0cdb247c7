"""What parallelism each vertex of a job gets that was given bounds for it (``PUT /jobs/<id>/resource-requirements``).

As much of each as its upper bound and the slots allow. Where there are too few slots, the widest slot sharing groups
give way first, but none below its lower bounds. Vertices that a forward edge ties together need one parallelism, and
some cannot run but at parallelism 1: these get it if their bounds allow that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millstream.common.wire.cluster_pb2 import VertexParallelism
from millstream.common.wire.graph_pb2 import JobGraph, JobVertex
from millstream.jobmanager.job_master.rescaling import RescalingError, forward_ties, is_fixed

__all__ = ["check_requirements", "fitted", "set_bounds"]


@dataclass(slots=True)
class _Tied:
    """Vertices that need the same parallelism, and the least and the most that all of them allow."""

    vertices: list[JobVertex]
    lower: int
    upper: int


def check_requirements(graph: JobGraph, bounds: Mapping[str, VertexParallelism]) -> None:
    """Find out whether a job can have these bounds.

    :param bounds: by vertex id.
    :raises RescalingError: it cannot; the message says which bounds are wrong.
    """
    known = {vertex.id for vertex in graph.vertices}
    unknown = sorted(bounds.keys() - known)
    if unknown:
        raise RescalingError(
            f"Job {graph.name!r} has no vertex {', '.join(unknown)}; it has {', '.join(sorted(known))}."
        )
    for vertex in graph.vertices:
        if vertex.id not in bounds:
            raise RescalingError(
                f"There are no bounds for vertex {vertex.id} ({vertex.name!r}): all vertices of the job must have some."
            )
        _check(vertex, bounds[vertex.id])
    for tied in _tied(graph, bounds):
        if tied.lower > tied.upper:
            names = ", ".join(repr(vertex.name) for vertex in tied.vertices)
            raise RescalingError(
                f"{names} are joined by forward edges and need one parallelism, but no number lies within the bounds "
                f"of all of them: one wants at least {tied.lower}, another at most {tied.upper}."
            )


def _check(vertex: JobVertex, bounds: VertexParallelism) -> None:
    what = f"The bounds of vertex {vertex.id} ({vertex.name!r}), {bounds.lower_bound} to {bounds.upper_bound}"
    if bounds.lower_bound < 1:
        raise RescalingError(f"{what}, must be at least 1.")
    if bounds.lower_bound > bounds.upper_bound:
        raise RescalingError(f"{what}, are the wrong way round.")
    if is_fixed(vertex):
        if bounds.lower_bound > 1:
            raise RescalingError(f"{what}, exclude 1, but it cannot run but at parallelism 1.")
    elif bounds.upper_bound > vertex.max_parallelism:
        raise RescalingError(
            f"{what}, exceed its max parallelism, {vertex.max_parallelism}. That is part of the job's state; a new job "
            "can be given a larger one (set_max_parallelism)."
        )


def set_bounds(graph: JobGraph, bounds: Mapping[str, VertexParallelism]) -> None:
    """Note in the graph what was asked for."""
    for vertex in graph.vertices:
        vertex.lower_bound, vertex.upper_bound = bounds[vertex.id].lower_bound, bounds[vertex.id].upper_bound


def fitted(graph: JobGraph, bounds: Mapping[str, VertexParallelism], slots: int) -> JobGraph:
    """Return the job at the parallelisms that it gets.

    :param bounds: checked by :func:`check_requirements`.
    :param slots: so many it may have in all.
    :raises RescalingError: there are too few for the lower bounds.
    """
    result = JobGraph()
    result.CopyFrom(graph)
    set_bounds(result, bounds)
    all_tied = list(_tied(result, bounds))
    widths = _widths(all_tied, slots, graph.name)
    for tied in all_tied:
        parallelism = min(tied.upper, *(widths[_group(vertex)] for vertex in tied.vertices))
        for vertex in tied.vertices:
            vertex.parallelism = parallelism
    return result


def _widths(all_tied: Iterable[_Tied], slots: int, job_name: str) -> dict[str, int]:
    """How many slots each slot sharing group gets."""
    least: dict[str, int] = {}
    widths: dict[str, int] = {}
    for tied in all_tied:
        for vertex in tied.vertices:
            group = _group(vertex)
            least[group] = max(least.get(group, 1), tied.lower)
            widths[group] = max(widths.get(group, 1), tied.upper)
    if sum(least.values()) > slots:
        raise RescalingError(
            f"Job {job_name!r} needs at least {sum(least.values())} slots for that, but there are {slots}, those that "
            "it has and the free ones. Start more TaskManagers, raise taskmanager.numberOfTaskSlots, or lower the "
            "lower bounds."
        )
    for _ in range(sum(widths.values()) - slots):
        widest = max((group for group in widths if widths[group] > least[group]), key=lambda group: widths[group])
        widths[widest] -= 1
    return widths


def _tied(graph: JobGraph, bounds: Mapping[str, VertexParallelism]) -> list[_Tied]:
    """All vertices, those together that need one parallelism."""
    together = {vertex.id: {vertex.id} for vertex in graph.vertices}
    for one, other in forward_ties(graph):
        union = together[one] | together[other]
        for each in union:
            together[each] = union
    result: dict[int, _Tied] = {}
    for vertex in graph.vertices:
        lower = bounds[vertex.id].lower_bound
        upper = 1 if is_fixed(vertex) else bounds[vertex.id].upper_bound
        tied = result.setdefault(id(together[vertex.id]), _Tied([], lower, upper))
        tied.vertices.append(vertex)
        tied.lower, tied.upper = max(tied.lower, lower), min(tied.upper, upper)
    return list(result.values())


def _group(vertex: JobVertex) -> str:
    return vertex.slot_sharing_group or "default"
