"""The jobs that a new leader takes up."""

from __future__ import annotations

from typing import Protocol

from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["JobGraphStore"]


class JobGraphStore(Protocol):
    """Keeps the graph of each job that was accepted and has not ended. Fenced writes raise LeadershipLostError."""

    async def put(self, graph: JobGraph) -> None:
        """Keep a graph, or its newer form (after rescaling), in the place of the one before. When this returns it will
        be found by any later leader.

        :raises MillstreamError: it could not be kept, or nobody can tell whether it was.
        """
        ...

    async def job_ids(self) -> list[JobID]:
        """Return the ids of all jobs that are kept, sorted."""
        ...

    async def get(self, job_id: JobID) -> JobGraph:
        """Return a job's graph.

        :raises JobNotFoundError: none is kept.
        :raises MillstreamError: it cannot be read; the message names the file.
        """
        ...

    async def remove(self, job_id: JobID) -> None:
        """Keep it no more. Does nothing if there is none."""
        ...
