"""How a leader writes to ZooKeeper: each write holds only while the leader's own node is there.

The node is ephemeral and belongs to one session and one candidacy, so it is gone before anybody else leads. A write
names it as a condition in the same transaction: a leader that was frozen or cut off cannot write when it comes back,
however sure of itself it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from millstream.common.high_availability.zookeeper.client import Operation, ZooKeeperClient

__all__ = ["Fence"]


class Fence(Protocol):
    """One term's right to write."""

    @property
    def client(self) -> ZooKeeperClient:
        """To read with. Nothing is written by it directly."""
        ...

    @property
    def is_valid(self) -> bool:
        """As far as this process knows."""
        ...

    async def commit(self, operations: Sequence[Operation]) -> None:
        """Carry out all operations, or none, under the condition that the term goes on.

        :raises LeadershipLostError: the term is over; nothing was written.
        :raises ZooKeeperError: an operation is not possible; nothing was written.
        :raises ZooKeeperConnectionError: nobody can tell. It is not repeated here.
        """
        ...
