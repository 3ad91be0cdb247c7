"""One term of leading a cluster, and what the leader may keep for its successors.

A master process contends for all its components at once (Dispatcher, ResourceManager, JobMasters), so that a cluster
never has two halves of a master. When it is granted leadership it gets a :class:`Leadership`: every write that
successors will read goes through it and is refused once the term is over, whatever the process itself believes. That
is the fence which makes a master harmless that was frozen, cut off or late.
"""

from __future__ import annotations

from typing import Protocol

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointers
from millstream.common.high_availability.job_graph_store import JobGraphStore
from millstream.common.high_availability.job_result_store import JobResultStore
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import JobID

__all__ = ["LeaderContender", "Leadership", "LeadershipLostError"]


class LeadershipLostError(MillstreamError):
    """The term is over: somebody else leads, or may lead any moment. Nothing was written."""


class Leadership(Protocol):
    """One term. All methods belong to the event loop; after the term all that write raise LeadershipLostError."""

    @property
    def is_valid(self) -> bool:
        """As far as this process knows. A write finds out for certain."""
        ...

    @property
    def job_graphs(self) -> JobGraphStore: ...

    @property
    def job_results(self) -> JobResultStore: ...

    def checkpoints(self, job_id: JobID) -> CheckpointPointers:
        """Return what is known of the completed checkpoints of one job."""
        ...

    async def publish(self, endpoint: str, leader: LeaderInformation) -> None:
        """Make known who leads an endpoint, until the term ends.

        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: it could not be made known (yet).
        """
        ...

    async def withdraw(self, endpoint: str) -> None:
        """Nobody leads the endpoint any more. Best effort; what is not withdrawn goes with the term."""
        ...

    async def forget_job(self, job_id: JobID) -> None:
        """Remove the job's graph, checkpoint pointers and counter; its result stays. May be repeated.

        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: something of it is still there.
        """
        ...


class LeaderContender(Protocol):
    """Is told of its terms, on the event loop; never of a new one before it was told of the end of the last."""

    def granted(self, leadership: Leadership) -> None:
        """The term begins."""
        ...

    def revoked(self, reason: str) -> None:
        """The term is over, or may be: stop all that only a leader does."""
        ...
