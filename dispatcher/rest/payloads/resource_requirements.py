"""Bounds of parallelism: as an answer, and as a request of the Dispatcher."""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.messages.resource_requirements import (
    JobResourceRequirements,
    ParallelismBounds,
    VertexResourceRequirements,
)

__all__ = ["problems_with", "resource_requirements", "update_request"]


def resource_requirements(details: pb.JobDetails) -> JobResourceRequirements:
    """The bounds of each vertex. Where none were asked for, one that has less than its parallelism would do."""
    return JobResourceRequirements({vertex.vertex_id: _of_vertex(vertex) for vertex in details.vertices})


def problems_with(requirements: JobResourceRequirements, details: pb.JobDetails) -> list[str]:
    """Say what is wrong with bounds that somebody wishes for a job; nothing if they can be."""
    return list(_problems(requirements, details))


def update_request(job_id: str, requirements: JobResourceRequirements) -> pb.UpdateResourceRequirementsRequest:
    """Return what the Dispatcher is asked."""
    return pb.UpdateResourceRequirementsRequest(
        job_id=job_id,
        vertices={
            vertex_id: pb.VertexParallelism(
                lower_bound=vertex.parallelism.lower_bound, upper_bound=vertex.parallelism.upper_bound
            )
            for vertex_id, vertex in requirements.root.items()
        },
    )


def _of_vertex(vertex: pb.VertexDetails) -> VertexResourceRequirements:
    lower, upper = 1, vertex.parallelism
    if vertex.HasField("bounds"):
        lower, upper = vertex.bounds.lower_bound, vertex.bounds.upper_bound
    return VertexResourceRequirements(parallelism=ParallelismBounds(lower_bound=lower, upper_bound=upper))


def _problems(requirements: JobResourceRequirements, details: pb.JobDetails) -> Iterator[str]:
    wanted = requirements.root
    known = {vertex.vertex_id: vertex for vertex in details.vertices}
    if missing := [vertex_id for vertex_id in known if vertex_id not in wanted]:
        yield f"The request is incomplete, missing job vertex ids: {', '.join(missing)}."
    if unknown := [vertex_id for vertex_id in wanted if vertex_id not in known]:
        yield f"The job has no vertices {', '.join(unknown)}."
    for vertex_id, vertex in known.items():
        if vertex_id not in wanted:
            continue
        bounds = wanted[vertex_id].parallelism
        if bounds.lower_bound < 1:
            yield f"The lower bound {bounds.lower_bound} of job vertex [{vertex_id}] is not at least 1."
        if bounds.lower_bound > bounds.upper_bound:
            yield (
                f"The lower bound {bounds.lower_bound} of job vertex [{vertex_id}] is greater than its upper bound "
                f"{bounds.upper_bound}."
            )
        if bounds.upper_bound > vertex.max_parallelism > 0:
            yield (
                f"The upper bound {bounds.upper_bound} of job vertex [{vertex_id}] is greater than its max "
                f"parallelism {vertex.max_parallelism}."
            )
