"""Where the leader of an endpoint is to be found."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.ids import LeaderSessionId

__all__ = ["LeaderInformation"]


@dataclass(frozen=True, slots=True)
class LeaderInformation:
    """The leader of one endpoint.

    :ivar address: of the RPC service that serves the endpoint, ``host:port``.
    :ivar session_id: the fencing token that calls must bear.
    """

    address: str
    session_id: LeaderSessionId
