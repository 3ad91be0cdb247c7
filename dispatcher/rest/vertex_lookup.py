"""Finds the vertex that a path names."""

from __future__ import annotations

from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.errors import NotFoundError

__all__ = ["find_vertex", "vertex_of"]


async def vertex_of(cluster: ClusterAccess, job_id: str, vertex_id: str) -> pb.VertexDetails:
    """Ask the Dispatcher for a vertex.

    :raises JobNotFoundError: no such job.
    :raises NotFoundError: the job has no such vertex.
    """
    return find_vertex(await cluster.dispatcher.get_job_details(pb.JobRequest(job_id=job_id)), vertex_id)


def find_vertex(details: pb.JobDetails, vertex_id: str) -> pb.VertexDetails:
    """Return a vertex of a job.

    :raises NotFoundError: the job has no such vertex.
    """
    for vertex in details.vertices:
        if vertex.vertex_id == vertex_id:
            return vertex
    raise NotFoundError(f"JobVertex {vertex_id} not found")
