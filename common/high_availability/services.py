"""What a process needs of high availability, made from its configuration."""

from __future__ import annotations

from typing import Protocol

from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import LeaderContender

__all__ = ["HighAvailabilityServices"]


class HighAvailabilityServices(Protocol):
    """A master's services. All methods belong to one event loop."""

    @property
    def leaders(self) -> LeaderDirectory:
        """Who leads; also this process, when it does."""
        ...

    @property
    def survives_its_leader(self) -> bool:
        """Somebody else goes on when this leader ends. If not, the jobs end with their master."""
        ...

    @property
    def default_checkpoint_directory(self) -> str | None:
        """URI where checkpoints go of jobs that name no place: a successor must be able to read them."""
        ...

    async def start(self) -> None:
        """Connect.

        :raises MillstreamError: nobody answers in time; the message names whom and the option.
        """
        ...

    def contend(self, contender: LeaderContender) -> None:
        """Begin to contend for the leadership; once in the life of the services."""
        ...

    async def close(self) -> None:
        """Give the leadership up (others need not wait for a timeout), and close all. May be called twice.

        The contender must have ended what it does before: it is not told any more.
        """
        ...
