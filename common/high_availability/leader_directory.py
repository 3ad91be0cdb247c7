"""Tells who leads which endpoint (``dispatcher``, ``resourcemanager``, ``jobmaster-<job id>``).

TaskManagers, JobMasters and clients ask it before they connect, and watch it so that they leave a leader that was
deposed, even if its process still answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_information import LeaderInformation

__all__ = ["LeaderDirectory", "NoLeaderError"]


class NoLeaderError(MillstreamError):
    """Nobody leads the endpoint at present, or nobody can tell who does. The message names it; try again later."""


class LeaderDirectory(Protocol):
    """Looks leaders up. All methods belong to one event loop."""

    @property
    def description(self) -> str:
        """Where it looks, for messages: ``localhost:6123``, or ``ZooKeeper at host:2181 (/flink/default)``."""
        ...

    async def current(self, endpoint: str) -> LeaderInformation:
        """Return who leads the endpoint now.

        :raises NoLeaderError: nobody, as far as can be told.
        :raises MillstreamError: whoever should know cannot be reached.
        """
        ...

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        """Call ``on_change`` on the event loop with the leader as it is known now (soon), and with each other one.

        ``None``: nobody leads it, or it cannot be told any more; a leader that was there may still be the one, so
        that is no reason to leave it. The same leader is not told twice in a row. Where leaders never change
        nothing is ever told.

        :return: ends the watch.
        """
        ...

    async def close(self) -> None:
        """End all watches and let go of connections. May be called twice."""
        ...
