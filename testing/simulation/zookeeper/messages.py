"""What clients and servers of the model say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.high_availability.zookeeper.client import NodeStat, ZooKeeperError
from millstream.testing.simulation.zookeeper.tree import Change, Result

__all__ = [
    "Answer",
    "Attach",
    "Attached",
    "Commit",
    "Done",
    "EndSession",
    "GetChildren",
    "GetNode",
    "Ping",
    "Pong",
    "Refused",
    "Reply",
    "Request",
    "Sync",
    "Touched",
    "Watch",
]


@dataclass(frozen=True, slots=True)
class Attach:
    """The first on a connection: go on with a session, or begin one.

    :ivar session_id: 0 begins one.
    :ivar seen: the last transaction that the client has seen; a server that has not is no use to it.
    """

    session_id: int
    session_timeout: float
    seen: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A write: all changes or none."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class GetNode:
    path: str


@dataclass(frozen=True, slots=True)
class GetChildren:
    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """Catch up with the leader."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell once when the node or its children change."""

    path: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """The client leaves."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The client lives."""


Request: TypeAlias = Attach | Commit | GetNode | GetChildren | Sync | Watch | EndSession | Ping


@dataclass(frozen=True, slots=True)
class Attached:
    """The answer to :class:`Attach`; session 0: the one that was asked for has expired."""

    session_id: int


@dataclass(frozen=True, slots=True)
class Done:
    """A request was carried out."""

    results: tuple[Result, ...] = ()
    data: bytes = b""
    stat: NodeStat | None = None
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was not carried out."""

    error: ZooKeeperError


@dataclass(frozen=True, slots=True)
class Pong:
    """The server lives."""


Answer: TypeAlias = Done | Refused


@dataclass(frozen=True, slots=True)
class Touched:
    """What a watch waited for."""

    path: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A message from the server.

    :ivar seen: the last transaction of the server when it was sent.
    """

    message: Attached | Answer | Pong | Touched
    seen: int
